//! Whatever is opened lies beneath the root: by table, by chance, and in trees full of links.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;

/// What every file beneath a root says, and no other.
const INSIDE: &str = "inside";

fn room() -> (tempfile::TempDir, ConfinedRoot) {
    let folder = tempfile::tempdir().unwrap();
    let root = ConfinedRoot::open(folder.path()).unwrap();
    (folder, root)
}

#[test]
fn every_way_out_is_refused() {
    let (_folder, root) = room();
    for text in [
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "/etc/passwd",
        "//etc/passwd",
        "a\\..\\x",
        "..\\x",
        "a\0b",
        "a\nb",
        "%2e%2e/x",
        "%2E%2E/x",
        "..%2fx",
        "..%5cx",
        "a%00",
        "%252e",
    ] {
        assert!(root.confine(text).is_err(), "{text:?}");
    }
    assert_eq!(root.confine(&"a/".repeat(600)).unwrap_err(), PathError::TooLong);
}

#[test]
fn a_symbolic_link_that_leads_outside_cannot_be_opened() {
    let (folder, root) = room();
    symlink("/etc", folder.path().join("out")).unwrap();
    fs::write(folder.path().join("in"), "here").unwrap();
    assert!(root.confine("out/passwd").unwrap().open().is_err());
    assert!(root.confine("in").unwrap().open().is_ok());
}

#[test]
fn a_root_that_was_moved_away_is_still_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::create_dir(&old).unwrap();
    fs::write(old.join("f"), INSIDE).unwrap();
    let root = ConfinedRoot::open(&old).unwrap();
    fs::rename(&old, &new).unwrap();
    fs::create_dir(&old).unwrap();
    fs::write(old.join("f"), "planted").unwrap();
    assert_eq!(said(&root, "f").unwrap(), INSIDE);
}

/// A name in a tree: few, so that paths meet.
fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")]
}

/// A folder in a tree, by its path.
fn place() -> impl Strategy<Value = String> {
    proptest::collection::vec(name(), 0..3).prop_map(|names| names.join("/"))
}

/// One thing in a tree.
#[derive(Clone, Debug)]
enum Planted {
    File(String),
    Link(String, String),
}

/// Where a link leads: up, about, out, round, and through other links.
fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        place(),
        (1_usize..6, place()).prop_map(|(ups, place)| format!("{}{place}", "../".repeat(ups))),
        (0_usize..4).prop_map(|ups| format!("{}secret", "../".repeat(ups))),
        (place(), 0_usize..5).prop_map(|(place, ups)| format!("{place}/{}secret", "../".repeat(ups))),
        Just("/".to_owned()),
        Just("/proc/self/root".to_owned()),
        Just("/proc/self/cwd".to_owned()),
        Just("/etc/hostname".to_owned()),
    ]
}

fn planted() -> impl Strategy<Value = Planted> {
    let file = (place(), name()).prop_map(|(place, name)| Planted::File(format!("{place}/{name}")));
    let link = (place(), name(), target())
        .prop_map(|(place, name, target)| Planted::Link(format!("{place}/{name}"), target));
    prop_oneof![file, link]
}

/// What an attacker asks for: names of the tree with everything between them that leads elsewhere.
fn asked() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => name().prop_map(str::to_owned),
        1 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
        1 => Just("secret".to_owned()),
        1 => prop_oneof![Just("%2e%2e"), Just("..\\"), Just("a\0"), Just("..;"), Just("....")].prop_map(str::to_owned),
    ];
    (any::<bool>(), proptest::collection::vec(part, 0..6))
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

fn said(root: &ConfinedRoot, text: &str) -> Option<String> {
    let mut said = String::new();
    let mut file = root.confine(text).ok()?.open().ok()?;
    file.read_to_string(&mut said).ok()?;
    Some(said)
}

proptest! {
    #[test]
    fn whatever_is_accepted_stays_inside(text in ".{0,80}") {
        let (folder, root) = room();
        if let Ok(path) = root.confine(&text) {
            prop_assert!(path.absolute().starts_with(folder.path()));
            let leaves = path.relative().components().any(|part| !matches!(part, std::path::Component::Normal(_)));
            prop_assert!(!leaves);
        }
    }

    #[test]
    fn in_a_tree_full_of_links_whatever_is_opened_lies_beneath_the_root(
        things in proptest::collection::vec(planted(), 0..12),
        texts in proptest::collection::vec(asked(), 1..24),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        fs::write(top.join("secret"), "outside").unwrap();
        let inside = top.join("root");
        fs::create_dir(&inside).unwrap();
        for thing in &things {
            // Where something is already, nothing is planted: a file would be written through a link, outside.
            let _occupied = match thing {
                Planted::File(at) => plant(&inside, at, |path| File::create_new(path)?.write_all(INSIDE.as_bytes())),
                Planted::Link(at, target) => plant(&inside, at, |path| symlink(target, path)),
            };
        }
        let root = ConfinedRoot::open(&inside).unwrap();
        for text in &texts {
            let Ok(path) = root.confine(text) else { continue };
            if let Some(said) = said(&root, text) {
                prop_assert_eq!(said, INSIDE, "{:?} in {:?}", text, things);
            }
            for opened in path.open().map(OwnedFd::from).into_iter().chain(path.open_folder()) {
                let held = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&opened));
                let place = fs::read_link(held).unwrap();
                prop_assert!(place.starts_with(&inside), "{:?} opened {:?} in {:?}", text, place, things);
            }
        }
    }
}

/// Plants something, unless the way there already leads out.
fn plant(inside: &Path, at: &str, plant: impl FnOnce(PathBuf) -> io::Result<()>) -> io::Result<()> {
    let path = inside.join(at.trim_start_matches('/'));
    let folder = path.parent().unwrap_or(inside);
    let mut here = inside.to_owned();
    for part in folder.strip_prefix(inside).unwrap_or(Path::new("")).components() {
        here.push(part);
        if here.is_symlink() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if !here.is_dir() {
            fs::create_dir(&here)?;
        }
    }
    plant(path)
}
