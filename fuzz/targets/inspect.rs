//! The inspector: any bytes, in work that is linear in their number, with the same answer twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_inspect::{REFUSED, inspect, inspect_counting};

fuzz_target!(|text: &[u8]| {
    let (finding, work) = inspect_counting(text);
    assert!(work <= 600 * (text.len() as u64 + 8), "{work} for {} bytes", text.len());
    assert_eq!(finding, inspect(text));
    assert!(finding.is_none_or(|finding| (REFUSED..=100).contains(&finding.score)));
});
