//! The messages between Host and node, framed as on the wire, and the JSON inside them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, frames)) = bytes.split_first() {
        watchroom_link::fuzzing::frames(*kind, frames);
    }
});
