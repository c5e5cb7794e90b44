//! The laws stand in `src/duration.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::duration::check(input));
