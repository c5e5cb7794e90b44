#!/usr/bin/env bash
# Starts the gateway with the demo provider and a key, and prints lines to paste. Providers whose keys stand in the
# environment (OPENAI_API_KEY and the like) are served too.
#
# usage: quickstart.sh PATH-OF-THE-PROGRAM
set -euo pipefail
program=$1
examples=$(cd "$(dirname "$0")" && pwd)
export SLUICEGATE_DATA_DIR=${SLUICEGATE_DATA_DIR:-./data}

# A key that stays the same from run to run, so that pasted lines stay good.
if [ -z "${SLUICEGATE_ADMIN_KEY:-}" ]; then
  mkdir -p "$SLUICEGATE_DATA_DIR"
  file=$SLUICEGATE_DATA_DIR/quickstart.key
  [ -s "$file" ] || (umask 077 && printf 'sg-%s\n' "$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$file")
  SLUICEGATE_ADMIN_KEY=$(cat "$file")
  export SLUICEGATE_ADMIN_KEY
fi

lines() {
  local url=$1 address=${1#http://} key=$SLUICEGATE_ADMIN_KEY
  cat <<EOT

Sluicegate is ready at $url. Paste any of these into another terminal.

# REST, as OpenAI speaks it
curl -N $url/v1/chat/completions -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' -d '{"model": "demo", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'

# gRPC
grpcurl -plaintext -H 'Authorization: Bearer $key' -d '{"model": "demo", "messages": [{"role": "ROLE_USER", "parts": [{"text": {"text": "Hello"}}]}]}' $address sluicegate.v1.Inference/StreamChat

# The OpenAI SDK (pip install openai)
python3 -c 'from openai import OpenAI; c = OpenAI(base_url="$url/v1", api_key="$key"); print(c.chat.completions.create(model="demo", messages=[{"role": "user", "content": "Hello"}]).choices[0].message.content)'

# What is there
curl $url/v1/models -H 'Authorization: Bearer $key'
grpcurl -plaintext -H 'Authorization: Bearer $key' $address sluicegate.v1.ProviderAdmin/ListProviders

Ctrl-C ends the gateway.

EOT
}

# The program says on standard output when it is ready, and where.
exec "$program" serve --config "$examples/demo.seed.json" --providers-from-env > >(
  while IFS= read -r line; do
    case $line in
      "listening on "*) lines "${line#listening on }" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
)
