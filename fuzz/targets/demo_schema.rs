//! The laws stand in `src/demo_schema.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::demo_schema::check(input));
