//! The laws stand in `src/auth_header.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::auth_header::check(input));
