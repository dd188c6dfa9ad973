//! Cookies, CSRF tokens, and API tokens as text.
#![no_main]

use http::header::{COOKIE, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use watchroom_web::{Cookie, PRE_SESSION_COOKIE, SESSION_COOKIE};

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    for name in [SESSION_COOKIE, PRE_SESSION_COOKIE] {
        if let Some(value) = Cookie::find(&headers, name) {
            assert!(!value.contains(';'), "half of another cookie");
        }
    }
    if let Ok(claim) = std::str::from_utf8(bytes) {
        watchroom_identity::fuzzing::credentials(claim);
    }
});
