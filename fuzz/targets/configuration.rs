//! A configuration file: every problem has its line, and none hides another.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    watchroom::fuzzing::configuration(text).expect("what is left is a configuration");
});
