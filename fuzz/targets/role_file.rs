//! `role.toml`, which says who a machine is: believed only if its key signed it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_trust::NodeKey;

thread_local! {
    static KEY: NodeKey = {
        let folder = tempfile::tempdir().expect("a folder for the key");
        NodeKey::open_or_make(folder.path()).expect("a key")
    };
}

fuzz_target!(|text: &[u8]| KEY.with(|key| watchroom::fuzzing::role_file(text, key)));
