//! The laws stand in `src/tool_deltas.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::tool_deltas::check(input));
