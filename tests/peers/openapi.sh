#!/usr/bin/env bash
# schemathesis makes requests of the gateway's OpenAPI document, right ones and wrong ones, and judges the answers by it:
# no failure of the server, no status, content type, header or body that the document does not tell, nothing wrong
# taken, nothing to be had without a key, nothing found after it was deleted. The gateway has a model `demo`;
# UPSTREAM_URL answers GET /models.
#
# EXAMPLES (10) cases an operation beside those at the edges of its schemas, SEED (1) chooses them. A run is the same
# each time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=${SLUICEGATE_PEERS:-$here/../../target/peers}

# Left out: positive_data_acceptance. What a schema allows may still clash with what is stored, or lack what its provider
# type needs.
export SCHEMATHESIS_HOOKS=schemathesis_hooks PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
# It keeps a folder of its own beside where it runs.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
"$peers/venv/bin/schemathesis" run "$SLUICEGATE_URL/openapi.json" \
    --header "Authorization: Bearer $SLUICEGATE_KEY" --no-color --continue-on-failure \
    --checks all --exclude-checks positive_data_acceptance \
    --seed "${SEED:-1}" --max-examples "${EXAMPLES:-10}" --generation-database none --request-timeout 20 "$@"
echo "ok openapi"
