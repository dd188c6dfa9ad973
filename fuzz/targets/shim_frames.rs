//! What an agent and the shim of a server say to each other over their socket.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watchroom_node::fuzzing::shim_frames(bytes));
