#!/bin/sh
# grpcurl judges the administration of the gateway, by reflection alone: from a new provider for the
# OpenAI-compatible server at UPSTREAM_URL (with its /v1) to an answer of its model, and back to nothing.
# Reads SLUICEGATE_URL (plain http), SLUICEGATE_KEY, UPSTREAM_URL, and GRPCURL or SLUICEGATE_PEERS.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
grpcurl=${GRPCURL:-${SLUICEGATE_PEERS:-$here/../../target/peers}/bin/grpcurl}
host=${SLUICEGATE_URL#http://}
host=${host%/}
key=$SLUICEGATE_KEY
provider=peers-$$ # a name of its own for each run
alias=$provider-tiny

fail() {
    printf 'FAILED %s\n%s\n' "$1" "$2" >&2
    exit 1
}

# call METHOD REQUEST
call() {
    "$grpcurl" -plaintext -max-time 30 -H "authorization: Bearer $key" -d "$2" "$host" "sluicegate.v1.$1" 2>&1
}

# answers NAME TEXT METHOD REQUEST: the call succeeds, and TEXT stands in its answer.
answers() {
    answer=$(call "$3" "$4") || fail "$1" "$answer"
    case $answer in *"$2"*) echo "ok $1" ;; *) fail "$1: no $2 in" "$answer" ;; esac
}

# refuses NAME CODE METHOD REQUEST: the call fails with CODE.
refuses() {
    if answer=$(call "$3" "$4"); then fail "$1: expected $2, got" "$answer"; fi
    case $answer in *"Code: $2"*) echo "ok $1" ;; *) fail "$1: expected $2, got" "$answer" ;; esac
}

# All text of a JSON answer, or of several, still in JSON's escapes.
text_of() {
    printf '%s\n' "$1" | grep -oE '"text": "([^"\\]|\\.)*"' | sed -E 's/^"text": "(.*)"$/\1/' | tr -d '\n'
}

chat() {
    printf '{"model": "%s", "temperature": 0, "seed": 1,
        "messages": [{"role": "ROLE_USER", "parts": [{"text": {"text": "Hi"}}]}]}' "$1"
}

provider_json() {
    printf '{"provider": {"name": "%s", "type": "%s", "base_url": "%s"}}' "$provider" "$1" "$2"
}

model_json() {
    printf '{"model": {%s "provider": "%s", "upstream_id": "%s", "alias": "%s", "description": "%s"}}' \
        "$1" "$provider" "$upstream_model" "$2" "$3"
}

# === Open to all ===
services=$("$grpcurl" -plaintext -max-time 30 "$host" list 2>&1) || fail reflection "$services"
for service in grpc.health.v1.Health sluicegate.v1.Inference sluicegate.v1.ModelCatalog sluicegate.v1.ProviderAdmin; do
    case $services in *"$service"*) ;; *) fail "reflection: no $service in" "$services" ;; esac
done
echo "ok reflection"
health=$("$grpcurl" -plaintext -max-time 30 "$host" grpc.health.v1.Health/Check 2>&1) || fail health "$health"
case $health in *\"SERVING\"*) echo "ok health" ;; *) fail health "$health" ;; esac

# === Closed without a key ===
key=wrong-key-0123456789
refuses wrong_key Unauthenticated ProviderAdmin/ListProviders '{}'
key=$SLUICEGATE_KEY

# === A provider ===
answers provider_types '"name": "custom"' ProviderAdmin/ListProviderTypes '{}'
answers create_provider "\"name\": \"$provider\"" ProviderAdmin/CreateProvider "$(provider_json custom "$UPSTREAM_URL")"
refuses provider_name_clash AlreadyExists ProviderAdmin/CreateProvider "$(provider_json custom http://127.0.0.1:9/v1)"
refuses provider_type_unknown InvalidArgument ProviderAdmin/CreateProvider "$(provider_json no-such-type "$UPSTREAM_URL")"
answers get_provider "\"baseUrl\": \"$UPSTREAM_URL\"" ProviderAdmin/GetProvider "{\"id\": \"$provider\"}"
answers test_provider '"ok": true' ProviderAdmin/TestProvider "{\"id\": \"$provider\"}"
answers available_models '"id": ' ModelCatalog/ListAvailableModels "{\"provider\": \"$provider\"}"
upstream_model=$(printf '%s\n' "$answer" | sed -nE 's/.*"id": "(.*)".*/\1/p' | head -n 1)

# === Its model ===
answers create_model "\"alias\": \"$alias\"" ModelCatalog/CreateModel "$(model_json '' "$alias" first)"
answers list_models "\"alias\": \"$alias\"" ModelCatalog/ListModels "{\"provider\": \"$provider\"}"
answers chat '"text": ' Inference/Chat "$(chat "$alias")"
unary=$(text_of "$answer")
answers stream_chat '"finishReason": ' Inference/StreamChat "$(chat "$alias")"
streamed=$(text_of "$answer")
[ -n "$unary" ] && [ "$streamed" = "$unary" ] || fail "stream_chat: the streamed text differs" "$unary
$streamed"
answers update_model "\"alias\": \"$alias-2\"" ModelCatalog/UpdateModel "$(model_json "\"id\": \"$alias\"," "$alias-2" second)"
answers chat_by_new_alias '"text": ' Inference/Chat "$(chat "$alias-2")"
refuses chat_by_old_alias NotFound Inference/Chat "$(chat "$alias")"

# === And back ===
answers delete_model '"revision": ' ModelCatalog/DeleteModel "{\"id\": \"$alias-2\"}"
refuses chat_of_deleted_model NotFound Inference/Chat "$(chat "$alias-2")"
answers delete_provider '"revision": ' ProviderAdmin/DeleteProvider "{\"id\": \"$provider\"}"
refuses get_deleted_provider NotFound ProviderAdmin/GetProvider "{\"id\": \"$provider\"}"
