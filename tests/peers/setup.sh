#!/bin/sh
# Installs the peers (README.md lists them) into target/peers, or into $SLUICEGATE_PEERS.
# Needs python3 with venv, npm, go and mvn. Does nothing when what it would install is there already.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
peers=${SLUICEGATE_PEERS:-$here/../../target/peers}
grpcurl=v1.9.4

mkdir -p "$peers"
peers=$(cd "$peers" && pwd)
cd "$peers"

# One setup at a time, where the system has a lock to offer.
if command -v flock >/dev/null; then
    exec 9>.lock
    flock 9
fi

# A virtual environment knows its place and its interpreter, so both belong to the stamp.
stamp=$(
    echo "$peers"
    python3 --version
    cat "$here/setup.sh" "$here/requirements.txt" "$here/package.json" "$here/package-lock.json" \
        "$here/java/pom.xml" "$here/java/jars.sha256" | cksum
)
[ "$stamp" != "$(cat stamp 2>/dev/null)" ] || exit 0
rm -rf stamp venv node_modules java bin log
mkdir bin log

python_packages() {
    python3 -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
    ln -s ../venv/bin/buf bin/buf
}

node_packages() {
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" .
    npm ci
}

go_programs() {
    GOBIN=$peers/bin go install -ldflags "-s -w -X main.version=$grpcurl" \
        "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl"
}

java_jars() {
    mvn --batch-mode --quiet --file "$here/java/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$peers/java"
    cd java
    sha256sum --check --strict "$here/java/jars.sha256"
}

# The four take their time in different places: side by side they need little more than the longest.
steps="python_packages node_packages go_programs java_jars"
for step in $steps; do
    (set -e; "$step") >"log/$step" 2>&1 &
    echo $! >"log/$step.pid"
done
failed=
for step in $steps; do
    wait "$(cat "log/$step.pid")" || failed="$failed $step"
done
for step in $failed; do
    echo "peers: $step failed:" >&2
    tail -n 20 "log/$step" >&2
done
[ -z "$failed" ]

echo "$stamp" >stamp
