//! The laws stand in `src/sse.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::sse::check(input));
