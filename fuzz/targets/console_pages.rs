//! A console's pages on disk, read from some line on.
#![no_main]

use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder for the console");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((from, page)) = bytes.split_first() else {
        return;
    };
    FOLDER.with(|folder| {
        let read = watchroom_node::fuzzing::console_page(folder.path(), u64::from(*from), page);
        read.expect("the folder is there");
    });
});
