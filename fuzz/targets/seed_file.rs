//! The laws stand in `src/seed_file.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::seed_file::check(input));
