//! What proxies and strangers say about who is asking, and networks as text.
#![no_main]

libfuzzer_sys::fuzz_target!(|lines: &[u8]| watchroom_shield::fuzzing::forwarded_headers(lines));
