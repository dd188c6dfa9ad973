# Watchroom: what a person types. `make up` runs it, `make test` proves it, `make check` is all that CI does.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PANEL := crates/panel
VENDORED := $(PANEL)/node_modules/.vendored

.PHONY: help up demo assets test soak fuzz bench asvs scan link-order check format lint walls supply advisories

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

up: assets ## Build Watchroom and run it here: a Host and a node (options in ARGS='--listen 127.0.0.1:7443')
	cargo run --release --locked -- $(if $(STATE),--state $(STATE)) up $(ARGS)

demo: assets ## Show two machines and servers in a folder that is thrown away at the end
	cargo run --release --locked -- demo $(ARGS)

# The panel's few scripts of others come from npm; without it the panel is built without them and still works.
assets: ## Fetch the panel's scripts with npm, if npm is there
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(VENDORED); \
	else echo "npm not found: building the panel without live page updates (everything still works by reloading)"; fi

$(VENDORED): $(PANEL)/package-lock.json $(PANEL)/package.json $(PANEL)/vendor.mjs
	cd $(PANEL) && npm run --silent vendor
	@touch $@

test: ## Install what the tests need (as root on Debian), then run every test
	scripts/test-needs.sh
	@$(MAKE) --no-print-directory assets
	scripts/test.sh

soak: ## Kill the program TIMES=200 times, renew 500 certificates, send INPUTS=1000000 malformed inputs, live MINUTES=60 with a bad network
	WATCHROOM_SOAK_RENEWALS=500 cargo test --release --locked --package watchroom-link --test link \
	  certificates_and_cas_change -- --nocapture
	WATCHROOM_SOAK=$(or $(TIMES),200) cargo test --release --locked --package watchroom --test stories \
	  survive_every_kill -- --nocapture
	WATCHROOM_SOAK_MALFORMED=$(or $(INPUTS),1000000) cargo test --release --locked --package watchroom --test stories \
	  nothing_malformed -- --nocapture
	WATCHROOM_SOAK_MINUTES=$(or $(MINUTES),60) WATCHROOM_SOAK_BUSY=1 cargo test --release --locked \
	  --package watchroom-testkit --test stories nobody_is_called_away -- --nocapture

fuzz: ## Feed each parser of ours with what nobody writes, ten seconds each (SECONDS=60, TARGETS='inspect names')
	scripts/fuzz.sh --seconds $(or $(SECONDS),10) $(TARGETS)

bench: assets ## Measure, and print each yardstick next to its limit (needs two cores, minutes to build)
	cargo bench --locked --package watchroom-shield --bench checks
	cargo bench --locked --package watchroom --bench yardsticks

link-order: assets ## Before a release: follow requests through it, and write where the linker puts what they go through
	cargo rustc --profile dist --locked --package watchroom --bin watchroom -- -C link-arg=-Wl,-Map=target/link.map
	python3 scripts/link-order.py target/dist/watchroom target/link.map

asvs: ## Print each requirement of OWASP ASVS 5.0 that applies, our verdict, and what shows it
	@cargo xtask verdicts

scan: assets ## Scan it with schemathesis, wapiti, sqlmap, testssl, sslyze and slowhttptest (TOOLS='wapiti sslyze')
	scripts/scan.sh $(TOOLS)

check: format lint walls supply test ## Everything CI does

format:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --locked -- --deny warnings

walls: ## Our own checks: edges, owners, sizes, words
	cargo xtask check

supply: ## Licences, sources and banned libraries (needs cargo-deny)
	cargo deny --locked check bans licenses sources

advisories: ## Known weaknesses of our dependencies (needs cargo-deny and the network)
	cargo deny --locked check advisories
