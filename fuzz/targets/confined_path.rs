//! Texts that would be paths: whatever is opened lies beneath the root.
#![no_main]

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use watchroom_kit::ConfinedRoot;

/// A folder with a root in it, links that lead out, in and round, and a secret beside the root.
struct Tree {
    _folder: tempfile::TempDir,
    root: ConfinedRoot,
    inside: PathBuf,
}

impl Tree {
    fn grow() -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let inside = folder.path().canonicalize()?.join("root");
        fs::create_dir_all(inside.join("a/b"))?;
        fs::write(inside.join("a/f"), "in")?;
        fs::write(inside.join("a/b/g"), "in")?;
        fs::write(folder.path().join("s"), "out")?;
        for (name, leads_to) in [("u", ".."), ("o", "../s"), ("e", "/etc"), ("l", "a/b"), ("r", "r"), ("a/t", "../../s")] {
            symlink(leads_to, inside.join(name))?;
        }
        Ok(Self {
            root: ConfinedRoot::open(&inside)?,
            inside,
            _folder: folder,
        })
    }
}

thread_local! {
    static TREE: Tree = Tree::grow().expect("a tree");
}

fuzz_target!(|text: &str| {
    TREE.with(|tree| {
        let Ok(path) = tree.root.confine(text) else {
            return;
        };
        assert!(path.absolute().starts_with(&tree.inside));
        if let Ok(file) = path.open() {
            let place = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("an open file has a place");
            assert!(place.starts_with(&tree.inside), "{text:?} opened {place:?}");
        }
    });
});
