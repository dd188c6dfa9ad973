//! What the checks look at: our packages as cargo sees them, and the files that git tracks.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The workspace around this program.
pub(crate) struct Workspace {
    /// Its top folder.
    pub(crate) root: PathBuf,
    metadata: Metadata,
    tracked: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the packages and git for the files, new ones that are not ignored included.
    pub(crate) fn open() -> Result<Self> {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec()?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root)
            .output()
            .context("running git ls-files")?;
        if !listed.status.success() {
            bail!(
                "git ls-files failed: {}",
                String::from_utf8_lossy(&listed.stderr).trim()
            );
        }
        let names = String::from_utf8(listed.stdout).context("a tracked file's name is not UTF-8")?;
        let mut tracked: Vec<String> = names
            .split('\0')
            .filter(|name| !name.is_empty() && root.join(name).is_file())
            .map(str::to_owned)
            .collect();
        tracked.sort();
        tracked.dedup();
        Ok(Self {
            root,
            metadata,
            tracked,
        })
    }

    /// Our own packages.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    /// Tracked files, relative to the root, with `/`.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.tracked.iter().map(String::as_str)
    }

    /// Tracked Rust files with their text.
    pub(crate) fn rust_files(&self) -> Result<Vec<(&str, String)>> {
        self.files()
            .filter(|name| name.ends_with(".rs"))
            .map(|name| Ok((name, self.read(name)?)))
            .collect()
    }

    /// The text of a tracked file; what is not UTF-8 (pictures) is replaced.
    pub(crate) fn read(&self, name: &str) -> Result<String> {
        let bytes = std::fs::read(self.root.join(name)).with_context(|| format!("reading {name}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
