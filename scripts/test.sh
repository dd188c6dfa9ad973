#!/usr/bin/env bash
# Runs every test against a temporary folder of its own, and fails if a test leaves a file or a process in it.
set -euo pipefail
cd "$(dirname "$0")/.."

# Short, as paths of Unix sockets are; passable, as servers of tests run as other users.
room="$(mktemp -d "${TMPDIR:-/tmp}/wr.XXXXXX")"
chmod 0711 "$room"

# Processes that run in the temporary folder or name it in their arguments.
residents() {
  local entry pid
  for entry in /proc/[0-9]*; do
    pid="${entry#/proc/}"
    [[ "$pid" != "$$" ]] || continue
    if [[ "$(readlink "$entry/cwd" 2>/dev/null || true)" == "$room"* ]] ||
      { tr '\0' ' ' <"$entry/cmdline" | grep -qF -- "$room"; } 2>/dev/null; then
      echo "$pid"
    fi
  done
}

tidy() {
  local pid
  for pid in $(residents); do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf -- "$room"
}
trap tidy EXIT

export TMPDIR="$room"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"

cargo nextest run --workspace --locked
cargo test --workspace --doc --locked --quiet
cargo build --package watchroom --locked
(cd tests/browser && npm test --silent)

left="$(find "$room" -mindepth 1 -maxdepth 1 ! -name 'node-compile-cache' -printf '%f\n')"
alive="$(residents)"
if [[ -n "$left$alive" ]]; then
  echo "the tests left something behind:" >&2
  # What is in a folder tells whose it is.
  for name in $left; do (cd "$room" && find "$name" -printf '  %y %p\n' | head -n 40) >&2; done
  for pid in $alive; do
    printf '  process %s: %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true)" >&2
  done
  exit 1
fi
echo "every test passed, and nothing was left behind"
