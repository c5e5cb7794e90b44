//! The laws stand in `src/chat_json.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sluicegate_fuzz::chat_json::check(input));
