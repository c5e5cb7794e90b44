//! The laws stand in `src/decoder.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::decoder::check(input));
