//! Gathers assets into one folder: style sheets joined, everything compressed, one hash over all.
//!
//! One hash names the folder they are served from, so that modules may import one another by plain
//! relative names and every file may still be cached for a year.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Style sheets in the order of the cascade.
const SHEETS: &[&str] = &[
    "tokens.css",
    "base.css",
    "layout.css",
    "controls.css",
    "parts.css",
    "console.css",
];

/// What was gathered.
pub(crate) struct Gathered {
    /// The first 64 bits of a hash over names and contents.
    pub(crate) hash: String,
    /// Whether other people's scripts are there.
    pub(crate) has_vendor: bool,
}

/// Fills `to` from `from`.
pub(crate) fn gather(from: &Path, to: &Path) -> io::Result<Gathered> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let mut files = vec![("panel.css".to_owned(), sheet(&from.join("css"))?)];
    for folder in ["js", "img", "vendor"] {
        for path in sorted(&from.join(folder))? {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            files.push((format!("{folder}/{name}"), fs::read(&path)?));
        }
    }
    let mut hasher = blake3::Hasher::new();
    for (name, content) in &files {
        hasher.update(name.as_bytes()).update(&[0]).update(content);
        put(&to.join(name), content)?;
        put(&to.join(format!("{name}.gz")), &compressed(content)?)?;
    }
    let hash = hasher.finalize().to_hex().chars().take(16).collect();
    Ok(Gathered {
        hash,
        has_vendor: files.iter().any(|(name, _)| name == "vendor/idiomorph.js"),
    })
}

fn sheet(folder: &Path) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    for name in SHEETS {
        whole.extend(fs::read(folder.join(name))?);
    }
    Ok(whole)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn compressed(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}
