#!/bin/sh
# The unmodified Java SDK for watsonx.ai judges the gateway: compiles tests/peers/java and runs it in each MODE (its page
# tells what else it reads), once as a client that trusts SLUICEGATE_CERTIFICATE, and once as one that does not know it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
peers=${SLUICEGATE_PEERS:-$here/../../target/peers}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

javac -Xlint:all -Werror -proc:none -cp "$peers/java/*" -d "$work" "$here"/java/*.java
keytool -importcert -noprompt -alias gateway -file "$SLUICEGATE_CERTIFICATE" \
    -keystore "$work/trusted" -storepass changeit 2>"$work/keytool" || { cat "$work/keytool" >&2; exit 1; }

judge() {
    java -XX:TieredStopAtLevel=1 -cp "$work:$here/java:$peers/java/*" "$@"
}
for MODE in cloud software_hub; do
    export MODE
    echo "$MODE"
    judge -Djavax.net.ssl.trustStore="$work/trusted" -Djavax.net.ssl.trustStorePassword=changeit Judge
    judge Judge untrusted
done
