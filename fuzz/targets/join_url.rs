//! Join URLs and tokens, names, and all other text that becomes a noun of ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_kit::ExposeSecret;
use watchroom_model::join::{JoinUrl, host_and_port};

fuzz_target!(|text: &str| {
    if let Ok(url) = text.parse::<JoinUrl>() {
        let written = url.secret();
        let again: JoinUrl = written.expose_secret().parse().expect("what we write we read");
        assert_eq!(again.address, url.address);
    }
    if let Some(place) = host_and_port(text) {
        assert_eq!(host_and_port(&place), Some(place));
    }
});
