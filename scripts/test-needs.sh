#!/usr/bin/env bash
# Makes sure that what the tests need is here. As root on Debian it installs what is missing; otherwise it
# lists everything that is missing, with the command for each, and fails: a test that cannot run has not passed.
set -euo pipefail
cd "$(dirname "$0")/.."

nextest_version=0.9.143
rust_minimum=1.95
node_minimum=20
missing=()

have() { command -v "$1" >/dev/null 2>&1; }
browser() { [[ -n "${CHROMIUM:-}" && -x "${CHROMIUM:-}" ]] || have chromium; }
postgres() { compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null; }
smtp() { /usr/bin/python3 -c 'import aiosmtpd' >/dev/null 2>&1; }
lent_tokens() { have p11-kit && compgen -G "/usr/lib/*/pkcs11/p11-kit-client.so" >/dev/null; }
directory() { [[ -x /usr/sbin/slapd ]] && have ldapmodify; }
at_least() { [[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" == "$1" ]]; }

install_packages() {
  local wanted=()
  have cc || wanted+=(build-essential)
  have curl || wanted+=(curl ca-certificates)
  have strace || wanted+=(strace)
  have redis-server || wanted+=(redis-server)
  have fail2ban-regex || wanted+=(fail2ban)
  have systemd-analyze || wanted+=(systemd)
  have nginx || wanted+=(nginx)
  have softhsm2-util || wanted+=(softhsm2)
  lent_tokens || wanted+=(p11-kit p11-kit-modules)
  smtp || wanted+=(python3-aiosmtpd)
  directory || wanted+=(slapd ldap-utils)
  browser || wanted+=(chromium fonts-dejavu-core)
  [[ ${#wanted[@]} -gt 0 ]] || return 0
  if [[ "$(id -u)" == 0 ]] && have apt-get; then
    echo "installing ${wanted[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
  fi
}

# The tests start a server of their own; Debian's must not be made, let alone run.
install_postgres() {
  postgres && return 0
  if [[ "$(id -u)" == 0 ]] && have apt-get; then
    echo "installing postgresql"
    apt-get update -qq
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends)
    "${install[@]}" postgresql-common >/dev/null
    sed -i 's/^#\?create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    "${install[@]}" postgresql >/dev/null
  fi
}

require_toolchain() {
  if ! have cargo; then
    missing+=("Rust $rust_minimum or newer: https://rustup.rs")
  elif ! at_least "$rust_minimum" "$(rustc --version | cut -d ' ' -f 2)"; then
    missing+=("Rust $rust_minimum or newer, this is $(rustc --version): rustup update stable")
  fi
  if ! have node || ! have npm; then
    missing+=("Node.js $node_minimum or newer with npm: apt-get install nodejs npm, or https://nodejs.org")
  elif ! at_least "$node_minimum" "$(node --version | tr -d v)"; then
    missing+=("Node.js $node_minimum or newer, this is $(node --version)")
  fi
  have cc || missing+=("a C compiler: apt-get install build-essential")
  have curl || missing+=("curl: apt-get install curl")
  have strace || missing+=("strace: apt-get install strace")
  have redis-server || missing+=("Redis: apt-get install redis-server")
  have fail2ban-regex || missing+=("fail2ban (the tests start one of their own; the machine's need not run): apt-get install fail2ban")
  have systemd-analyze || missing+=("systemd (its units are tested; it need not run): apt-get install systemd")
  have nginx || missing+=("nginx (a proxy in front is told of; it need not run): apt-get install nginx")
  have softhsm2-util || missing+=("SoftHSM, the security module of the tests: apt-get install softhsm2")
  lent_tokens || missing+=("p11-kit, which lends a token to another process: apt-get install p11-kit p11-kit-modules")
  smtp || missing+=("aiosmtpd, the mail server of the tests: apt-get install python3-aiosmtpd")
  directory || missing+=("slapd (the tests start one of their own; the machine's need not run): apt-get install slapd ldap-utils")
  have git || missing+=("git: apt-get install git")
  postgres || missing+=("PostgreSQL 15 or newer (no cluster of its own is needed): apt-get install postgresql")
  browser || missing+=("Chromium: apt-get install chromium, or set CHROMIUM to its path")
}

install_nextest() {
  cargo nextest --version >/dev/null 2>&1 && return 0
  have cargo || return 0
  echo "building cargo-nextest $nextest_version (once)"
  # Unoptimised: it only starts tests, and so it builds in a third of the time.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug "cargo-nextest@$nextest_version" ||
    missing+=("cargo-nextest: cargo install --locked cargo-nextest@$nextest_version")
}

install_modules() {
  local installed=tests/browser/node_modules/.package-lock.json
  [[ -e "$installed" && ! tests/browser/package-lock.json -nt "$installed" ]] && return 0
  (cd tests/browser && npm ci --ignore-scripts --silent) || missing+=("npm modules: cd tests/browser && npm ci --ignore-scripts")
}

report() {
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "the tests cannot run; missing:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  [[ "$(id -u)" == 0 ]] || echo "as root on Debian, make test installs the packages itself" >&2
  exit 1
}

install_packages
install_postgres
require_toolchain
report
install_nextest
install_modules
report
