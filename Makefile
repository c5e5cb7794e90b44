# The one door: run, test, check, bench.
#
#   make run    build and start the gateway with the demo provider; prints lines to paste
#   make test   set up and run everything that continuous integration runs
#   make check  the fast part of it: format, lints, documentation, protobuf
#   make bench  what the gateway costs above a plain proxy, in about eight minutes; QUICK=1 for a short look
#   make release  the archive of the program, its bill of materials and their checksums in target/dist
#   make fuzz   every fuzz target for FUZZ_SECONDS, by default 20 (fuzz/README.md)
#
# PROFILE=dev builds `make run` without optimisation, which is sooner done.

PROFILE ?= release
PEERS   ?= target/peers
BUF      = $(PEERS)/bin/buf
BINARY   = target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/sluicegate

# Every recipe finds the peers in the same place.
export SLUICEGATE_PEERS := $(abspath $(PEERS))

.PHONY: run test check format lint doc proto unit quickstart peers bench fuzz release release-image

run:
	cargo build --locked --profile $(PROFILE) --bin sluicegate
	@examples/quickstart.sh $(BINARY)

test: check unit quickstart

check: format lint doc proto

format:
	cargo fmt --all --check

lint:
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

proto: peers
	$(BUF) lint proto
	$(BUF) breaking proto --against proto/release.binpb

unit: peers
	cargo test --locked --workspace

# Runs `make run` as a stranger would, and every line that it prints.
quickstart: peers
	tests/peers/quickstart.sh

# Programs of others that the tests use; a second run takes no time.
peers:
	@tests/peers/setup.sh

# Two builds: in one, the features of the bench would enter the binary that it measures.
bench:
	cargo build --locked --release --bin sluicegate
	cargo build --locked --release --package sluicegate-bench
	target/release/sluicegate-bench run --gateway target/release/sluicegate --json target/bench.json $(if $(QUICK),--quick)

# Needs a nightly compiler; installs cargo-fuzz beside the peers when it is not there. `make test` holds the same laws on
# the seeds and on changes of them, without the fuzzer.
fuzz:
	@fuzz/run.sh $(FUZZ_TARGETS)

release:
	deploy/release.sh

# The baseline of `buf breaking`; made anew at each release and committed.
release-image: peers
	$(BUF) build proto -o proto/release.binpb
