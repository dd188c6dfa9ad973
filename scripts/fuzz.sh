#!/usr/bin/env bash
# Builds the fuzz targets and runs each for some seconds, or for so many inputs: scripts/fuzz.sh [--seconds N | --runs N]
# [TARGET...]. What it finds lies in fuzz/artifacts, what it has learnt in fuzz/corpus; neither is part of the tree.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

limit=(-max_total_time=10)
while [[ "${1:-}" == --* ]]; do
  case "$1" in
    --seconds) limit=("-max_total_time=$2") ;;
    --runs) limit=("-runs=$2") ;;
    *) echo "unknown option $1; there are --seconds N and --runs N" >&2; exit 2 ;;
  esac
  shift 2
done
targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
  mapfile -t targets < <(basename --suffix=.rs targets/*.rs)
fi

# What cargo-fuzz sets, but for the address sanitizer: the house has no unsafe code, so any toolchain will do.
# The flags are for the targets alone, not for what runs while they are built.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares ${RUSTFLAGS:-}"
here="$(rustc -vV | sed -n 's/^host: //p')"
export CARGO_TARGET_DIR="$PWD/target"
cargo build --release --locked --target "$here" --features "${targets[*]}" --bins

failed=()
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  seeds=()
  [[ ! -d "seeds/$target" ]] || seeds=("seeds/$target")
  log="artifacts/$target.txt"
  if "target/$here/release/$target" "${limit[@]}" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    "-artifact_prefix=artifacts/$target/" "corpus/$target" "${seeds[@]}" >"$log" 2>&1; then
    printf '%-20s %s inputs, nothing found\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    printf '%-20s FAILED, see fuzz/%s\n' "$target" "$log"
    failed+=("$target")
  fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
  tail -n 40 "artifacts/${failed[0]}.txt" >&2
  exit 1
fi
