//! What a browser brings of a passkey: any bytes in each of its parts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchroom_passkey::fuzzing::read(bytes));
