#!/usr/bin/env bash
# Judges `make run`: starts it as a stranger would, then runs every line that it prints and expects an answer from each.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=${SLUICEGATE_PEERS:-target/peers}
work=$(mktemp -d)
log=$work/log

SLUICEGATE_DATA_DIR=$work/data SLUICEGATE_LISTEN=127.0.0.1:0 PROFILE=dev setsid make --no-print-directory run >"$log" 2>&1 &
leader=$!
# The whole group: make, the shell under it and the gateway.
trap 'kill -TERM -- "-$leader" 2>/dev/null || true; wait "$leader" 2>/dev/null || true; rm -rf "$work"' EXIT

for _ in $(seq 6000); do
  grep -q '^Ctrl-C ends' "$log" && break
  kill -0 "$leader" 2>/dev/null || { echo "make run ended:"; cat "$log"; exit 1; }
  sleep 0.1
done
grep -q '^Ctrl-C ends' "$log" || { echo "make run printed no lines:"; cat "$log"; exit 1; }

# The lines name the tools as a person has them on the path.
export PATH=$PWD/$peers/venv/bin:$PWD/$peers/bin:$PATH
[ "${peers#/}" = "$peers" ] || export PATH=$peers/venv/bin:$peers/bin:$PATH
count=0
while IFS= read -r line; do
  case $line in
    curl\ * | grpcurl\ * | python3\ *)
      answer=$(bash -c "$line" 2>"$work/errors") || { echo "failed: $line"; cat "$work/errors"; exit 1; }
      case $answer in
        *[Hh]ello* | *demo* | *'[DONE]'*) ;;
        *) echo "unexpected answer of: $line"; echo "$answer"; exit 1 ;;
      esac
      count=$((count + 1))
      ;;
  esac
done <"$log"
[ "$count" -eq 5 ] || { echo "make run printed $count lines to paste, not 5"; cat "$log"; exit 1; }
echo "ok quickstart: $count printed lines answer"
