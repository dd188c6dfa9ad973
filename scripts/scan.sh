#!/usr/bin/env bash
# Scans Watchroom with the tools of others: `scripts/scan.sh [schemathesis wapiti sqlmap testssl sslyze slowhttptest]`.
# As root on Debian it installs what is missing; what comes by pip goes into tests/scan/.tools, one folder for each tool.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=tests/scan/.tools
pinned=(schemathesis==4.32.5 sslyze==6.3.1 wapiti3==3.2.3)

wanted=()
for tool in sqlmap slowhttptest openssl; do command -v "$tool" >/dev/null || wanted+=("$tool"); done
command -v testssl >/dev/null || wanted+=(testssl.sh bsdextrautils dnsutils)
if [[ ${#wanted[@]} -gt 0 ]]; then
  if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "missing: ${wanted[*]}; as root on Debian this installs them itself" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
fi

for one in "${pinned[@]}"; do
  folder="$tools/${one%%=*}"
  if [[ ! -e "$folder/$one" ]]; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet "$one"
    touch "$folder/$one"
  fi
done

cargo build --release --locked --package watchroom
WATCHROOM="$PWD/${CARGO_TARGET_DIR:-target}/release/watchroom" exec python3 -W ignore tests/scan/scan.py "$@"
