//! The header of a balancer, PROXY protocol version 2.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchroom_shield::fuzzing::proxy_header(bytes));
