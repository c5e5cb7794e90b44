#!/bin/sh
# Runs fuzz targets, all of them unless some are named, each from its seeds for $FUZZ_SECONDS (default 20).
# Stops at the first that crashes. What was found before is kept in fuzz/corpus and used again.
set -eu
cd "$(dirname "$0")"

seconds=${FUZZ_SECONDS:-20}
tools=$PWD/../target/peers
version=0.13.2

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzzing needs a nightly compiler: install one by 'rustup toolchain install nightly --profile minimal'" >&2
    exit 1
fi
if ! [ -x "$tools/bin/cargo-fuzz" ]; then
    echo "installing cargo-fuzz $version into target/peers; it takes a minute or two" >&2
    cargo install --quiet --locked --root "$tools" cargo-fuzz --version "$version"
fi
PATH=$tools/bin:$PATH

# No sanitizer: neither the gateway nor this folder has unsafe code, and without it twice as much is tried.
fuzz() { cargo +nightly fuzz "$@"; }
fuzz build --sanitizer none

# The stack of a thread of the server, not the larger one of a main thread.
ulimit -s 2048

for target in ${*:-$(fuzz list)}; do
    case $target in
        demo_schema) length=8192 ;;
        *) length=4096 ;;
    esac
    mkdir -p "corpus/$target"
    echo "== $target, $seconds s"
    fuzz run --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -max_len="$length" -timeout=10 -rss_limit_mb=512 -verbosity=0 -print_final_stats=1
done
