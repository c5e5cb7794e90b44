//! The laws stand in `src/rest_body.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::rest_body::check(input));
