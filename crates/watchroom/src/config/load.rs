//! Gathers all sources and merges them into one checked configuration.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::leaf::{Given, Leaf};
use super::merge::{Merge, Merged};
#[cfg(feature = "node")]
use super::tree::Tree;
use super::{Config, ConfigError, Origin, environment, file};
use crate::environment::Environment;

/// The file that is read when `--config` names no other; it need not be there.
pub const USUAL_FILE: &str = "/etc/watchroom/watchroom.toml";

/// What a node allows, in the same folder as the main file; it need not be there.
#[cfg(feature = "node")]
const NODE_FILE: &str = "node.toml";

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file given by `--config`, which must exist; `None` is [`USUAL_FILE`], which need not.
    pub file: Option<PathBuf>,
    /// The environment of the process.
    pub environment: Environment,
    /// Values given by flags: key, text, and the flag's name with its dashes.
    pub flags: Vec<(&'static str, String, &'static str)>,
}

/// A checked configuration, and where each value that is not a default came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// What this node allows, from `node.toml`.
    #[cfg(feature = "node")]
    pub allowed: watchroom_node::Allowed,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Where the value under `key` came from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_default()
    }
}

impl Sources {
    /// Reads, merges and checks everything.
    ///
    /// # Errors
    /// [`ConfigError::Wrong`] with every problem there is, or the file that cannot be read.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let files = self.files()?;
        let mut merge = Merge::<Config>::new()?;
        read_files(&mut merge, &files)?;
        let outside = environment::read(&self.environment, merge.defaults())?;
        merge.problems.extend(outside.problems);
        merge.take(outside.secrets);
        merge.take(outside.variables);
        merge.take(self.flags.iter().map(|(key, text, name)| Leaf {
            path: key.split('.').map(str::to_owned).collect(),
            given: Given::Text(text.clone()),
            origin: Origin::Flag { name },
        }));
        #[cfg_attr(
            not(feature = "node"),
            expect(unused_mut, reason = "only a node has a second file")
        )]
        let Merged {
            tree: config,
            origins,
            mut problems,
        } = merge.finish(&files)?;
        #[cfg(feature = "node")]
        let allowed = self.allowed(&mut problems)?;
        if !problems.is_empty() {
            return Err(ConfigError::Wrong(problems));
        }
        Ok(Loaded {
            config,
            #[cfg(feature = "node")]
            allowed,
            files,
            origins,
        })
    }

    /// What this node allows, from `node.toml` beside the main file: from there alone, so that neither the
    /// Host nor whoever sets the environment widens it. Only an ordinary user, who owns all of this process
    /// anyway and seldom may write beside the usual file, has another place for it.
    #[cfg(feature = "node")]
    fn allowed(&self, problems: &mut Vec<super::Located>) -> Result<watchroom_node::Allowed, ConfigError> {
        let path = self.node_file();
        let files = if path.exists() {
            vec![path.clone()]
        } else {
            Vec::new()
        };
        let mut merge = Merge::<watchroom_node::Allowed>::new()?;
        read_files(&mut merge, &files)?;
        let merged = merge.finish(&files)?;
        problems.extend(merged.problems);
        let mut allowed = merged.tree;
        allowed.rules.file = path;
        Ok(allowed)
    }

    /// Where the rules are: beside the main file or, for an ordinary user who named none and where none is,
    /// in the folder of the user's own configuration.
    #[cfg(feature = "node")]
    fn node_file(&self) -> PathBuf {
        let beside = self.main().with_file_name(NODE_FILE);
        if self.file.is_some() || beside.exists() || rustix::process::geteuid().is_root() {
            return beside;
        }
        self.own_folder()
            .map_or(beside, |folder| folder.join("watchroom").join(NODE_FILE))
    }

    /// The user's folder for configuration, by the XDG base directory specification.
    #[cfg(feature = "node")]
    fn own_folder(&self) -> Option<PathBuf> {
        let given = self.environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = || Some(Path::new(self.environment.get("HOME")?).join(".config"));
        given.or_else(home).filter(|folder| folder.is_absolute())
    }

    fn main(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(USUAL_FILE))
    }

    /// The file and its drop-ins that exist, in the order they apply.
    fn files(&self) -> Result<Vec<PathBuf>, ConfigError> {
        let main = self.main();
        let mut files = Vec::new();
        if self.file.is_some() || main.exists() {
            files.push(main.to_owned());
        }
        let mut folder = main.as_os_str().to_owned();
        folder.push(".d");
        files.extend(drop_ins(Path::new(&folder))?);
        Ok(files)
    }
}

fn read_files<T: Tree>(merge: &mut Merge<T>, files: &[PathBuf]) -> Result<(), ConfigError> {
    for path in files {
        let unreadable = |source| ConfigError::Unreadable {
            path: path.clone(),
            source,
        };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let (leaves, problems) = file::read(path, &text, merge.defaults());
        merge.problems.extend(problems);
        merge.take(leaves);
    }
    Ok(())
}

/// The lines of a file that something is wrong with.
#[cfg(any(test, fuzzing))]
pub(crate) fn lines_at_fault(text: &str) -> Result<Vec<usize>, ConfigError> {
    let path = PathBuf::from(USUAL_FILE);
    let mut merge = Merge::<Config>::new()?;
    let (leaves, problems) = file::read(&path, text, merge.defaults());
    merge.problems.extend(problems);
    merge.take(leaves);
    let problems = merge.finish(&[path])?.problems;
    let line = |problem: super::Located| match problem.origin {
        Origin::File { line, .. } => Some(line),
        _ => None,
    };
    Ok(problems.into_iter().filter_map(line).collect())
}

fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
