//! What agent and shim leave for each other in the shim's folder: what to run, what runs, how it ended.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_kit::files::{self, PRIVATE_FILE, PRIVATE_FOLDER};
use watchroom_model::Limits;

use crate::account::Account;
use crate::console::Bounds;
use crate::process::Identity;

/// What a shim is to run. Written by the agent before it starts the shim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Launch {
    /// This run of the server, told apart from every other.
    pub run: Uuid,
    /// The program, as an absolute path or relative to the working folder.
    pub program: PathBuf,
    /// Name and arguments, as the person gave them.
    pub command: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The folder that the working folder may not leave.
    pub root: PathBuf,
    /// The working folder below it.
    pub folder: String,
    /// The account to become; `None` stays what we are.
    pub account: Option<Account>,
    /// Whether that account is this server's alone.
    #[serde(default)]
    pub is_account_its_own: bool,
    /// What it may use.
    pub limits: Limits,
    /// Where the shim listens.
    pub socket: PathBuf,
    /// Where the console is.
    pub console: PathBuf,
    /// How much of it is kept.
    pub bounds: Bounds,
}

impl Launch {
    /// The user id that is this server's alone, if it has one.
    pub(crate) fn own_uid(&self) -> Option<u32> {
        let account = self.account.filter(|_| self.is_account_its_own)?;
        Some(account.uid)
    }
}

/// What runs. Written by the shim once the server's process is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Which run.
    pub run: Uuid,
    /// In which boot of the machine.
    pub boot: String,
    /// The shim.
    pub shim: Identity,
    /// The server.
    pub server: Identity,
    /// When the server was started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub(crate) enum Ending {
    /// By itself, with this code.
    Exited {
        /// The code.
        code: i32,
    },
    /// By a signal.
    Signalled {
        /// Its number.
        signal: i32,
    },
    /// It never ran.
    CannotStart {
        /// A stable word.
        code: String,
        /// The cause and the next step.
        why: String,
    },
    /// Its shim went away first, and it was ended for that.
    Orphaned,
    /// The machine went down under it.
    Reboot,
}

impl Ending {
    /// The code that reports show: its own, or 128 plus the signal's number.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Exited { code } => Some(*code),
            Self::Signalled { signal } => Some(128 + signal),
            Self::CannotStart { .. } | Self::Orphaned | Self::Reboot => None,
        }
    }
}

/// The record of an ending. Written durably by the shim as its last act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Which run.
    pub run: Uuid,
    /// How.
    pub ending: Ending,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// The folder of one server's shim.
#[derive(Clone, Debug)]
pub(crate) struct Papers {
    folder: PathBuf,
}

impl Papers {
    /// The papers in `folder`, whether it is there yet or not.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Their folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the lock that a shim holds for as long as it lives.
    ///
    /// # Errors
    /// `WouldBlock` while a shim lives, otherwise what the system said.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE);
        let lock = options.open(self.folder.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(lock)
    }

    /// Whether a shim lives.
    pub(crate) fn is_held(&self) -> bool {
        self.lock()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits until no shim lives, for so long at most; says whether that came. Blocks.
    pub(crate) fn wait_until_free(&self, patience: Duration) -> bool {
        const LOOK: Duration = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while self.is_held() {
            if waited >= patience {
                return false;
            }
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        true
    }

    /// Says what to run, and clears away what earlier runs left.
    pub(crate) fn write_launch(&self, launch: &Launch) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_FOLDER)
            .create(&self.folder)?;
        for name in ["running.json", "exit.json"] {
            match fs::remove_file(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.write("launch.json", launch)
    }

    /// What to run.
    pub(crate) fn launch(&self) -> io::Result<Launch> {
        self.read("launch.json")
    }

    /// Says what runs.
    pub(crate) fn write_running(&self, running: &Running) -> io::Result<()> {
        self.write("running.json", running)
    }

    /// What runs or ran, if it is of this run.
    pub(crate) fn running(&self, run: Uuid) -> Option<Running> {
        self.read("running.json")
            .ok()
            .filter(|running: &Running| running.run == run)
    }

    /// Says how it ended.
    pub(crate) fn write_ended(&self, ended: &Ended) -> io::Result<()> {
        self.write("exit.json", ended)
    }

    /// How this run ended, if it has.
    pub(crate) fn ended(&self, run: Uuid) -> Option<Ended> {
        self.read("exit.json")
            .ok()
            .filter(|ended: &Ended| ended.run == run)
    }

    fn write(&self, name: &str, paper: &impl Serialize) -> io::Result<()> {
        files::replace(&self.folder.join(name), &serde_json::to_vec(paper)?, PRIVATE_FILE)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<T> {
        Ok(serde_json::from_slice(&fs::read(self.folder.join(name))?)?)
    }
}
