//! How the supervisor opens: its folders, its memory, its servers as they are, and orders left open.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use rustix::fs::{FlockOperation, flock};
use watchroom_kit::files::{self, FolderError, PRIVATE_FILE, PRIVATE_FOLDER};
use watchroom_kit::{Ambient, Fault, FaultKind, JournalError};

use super::Supervisor;
use super::desk::Desk;
use super::house::House;
use super::keeper::Keeper;
use super::standing::Kept;
use crate::account::are_we_root;
use crate::bans::Bans;
use crate::claims::{Claim, Claims};
use crate::ledger::{self, Ledger, LedgerError};
use crate::memory::{Memory, MemoryError};
use crate::settings::Settings;

/// Why the supervisor cannot open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder is not fit to hold state.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A folder or file cannot be used.
    #[error("cannot use {}: {source}; make sure that it is there and may be written", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another agent has this state folder.
    #[error("another agent already uses {}; stop it first, or use another state folder", state.display())]
    InUse {
        /// The folder.
        state: PathBuf,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The node's own audit cannot be read, or is not as it was written.
    #[error("{0}; `watchroom node audit` shows what can be read")]
    Ledger(#[from] LedgerError),
    /// The journal has records of a form this version does not know.
    #[error("{0}")]
    ForeignJournal(String),
}

impl Fault for OpenError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::InUse { .. } => FaultKind::Conflict,
            Self::Folder(_)
            | Self::Unusable { .. }
            | Self::Journal(_)
            | Self::Ledger(_)
            | Self::ForeignJournal(_) => FaultKind::Internal,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Folder(_) => "node-folder-unfit",
            Self::Unusable { .. } => "node-folder-unusable",
            Self::InUse { .. } => "node-in-use",
            Self::Journal(_) => "node-journal-unreadable",
            Self::Ledger(_) => "node-audit-unreadable",
            Self::ForeignJournal(_) => "node-journal-foreign",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::InUse { .. } => "another agent already runs on this machine; stop it first".into(),
            _ => "the node agent cannot open its state; its log says which file and what to do".into(),
        }
    }
}

impl From<MemoryError> for OpenError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Journal(error) => Self::Journal(error),
            MemoryError::Foreign(_) => Self::ForeignJournal(error.to_string()),
        }
    }
}

impl Supervisor {
    /// Opens the node's memory, finds its servers and goes on with them: those that run are adopted as
    /// they are, ends that happened meanwhile are reported, and what should run is started.
    ///
    /// # Errors
    /// [`OpenError`], whose message names the cause and what to do.
    pub async fn open(settings: Settings, ambient: Ambient) -> Result<Arc<Self>, OpenError> {
        let lock = furnish(&settings)?;
        let memory = Memory::open(&settings.state.join("journal"), ambient.now())?;
        let ledger = Ledger::open(&ledger::folder(&settings.state), &settings.name)?;
        let kept: Vec<_> = memory.known.servers.values().cloned().collect();
        warn_of_accounts(&settings, kept.iter().map(|(kept, _)| kept));
        let bans = Bans::kept_in(settings.state.join("bans.json"), ambient.clock.clone());
        let house = Arc::new(House::new(settings, ambient, memory, ledger));
        let keepers = kept.into_iter().map(|(kept, standing)| {
            let id = kept.spec.id;
            let (mut keeper, post) = Keeper::new(house.clone(), kept, standing);
            house.roster().insert(id, post);
            let house = house.clone();
            async move {
                if keeper.resume().await {
                    house.tasks.spawn("keeper", keeper.run());
                }
            }
        });
        let keepers: Vec<_> = keepers.collect();
        // All at once: one shim that is slow to answer does not keep the others waiting.
        join_all(keepers).await;
        let desk = Arc::new(Desk::new(house.clone()));
        desk.take_up();
        house.measure();
        Ok(Arc::new(Self {
            house,
            desk,
            bans: Arc::new(bans),
            vitals: Mutex::default(),
            lock: Mutex::new(Some(lock)),
        }))
    }
}

/// Says what servers' accounts do not protect here, and claims those that were given out: at a reboot all
/// claims are lost.
fn warn_of_accounts<'a>(settings: &Settings, kept: impl Iterator<Item = &'a Kept>) {
    let uid = rustix::process::geteuid().as_raw();
    if let Some(step) = settings.rules.missing_step() {
        tracing::warn!(uid, "{}", step.replace('\n', " "));
    } else if !are_we_root() {
        tracing::warn!(
            uid,
            "servers run as the agent's own account (rules.same_account): whoever may create or command them owns \
             this agent's keys and everything else of this account"
        );
    }
    let claims = Claims::of(&settings.state);
    for kept in kept.filter(|_| are_we_root()) {
        let Some(account) = kept.account else { continue };
        if let Claim::Theirs(state) = claims.take(account.uid) {
            tracing::error!(
                server.id = %kept.spec.id, uid = account.uid, other = %state.display(),
                "another agent of this machine gave out the same account; remove the server and create it anew"
            );
        }
    }
}

/// Makes and checks the folders, and takes the lock that keeps a second agent away.
fn furnish(settings: &Settings) -> Result<File, OpenError> {
    files::private_folder(&settings.state)?;
    files::private_folder(&settings.runtime)?;
    // Strangers must be able to walk to their server's folder, though not to see who else is there.
    let mode = if are_we_root() { 0o711 } else { PRIVATE_FOLDER };
    let unusable = |path: &Path| {
        let path = path.to_owned();
        |source| OpenError::Unusable { path, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(&settings.servers)
        .map_err(unusable(&settings.servers))?;
    if let Some(closed) = closed_to_strangers(&settings.servers).filter(|_| are_we_root()) {
        tracing::warn!(
            folder = %closed.display(),
            "servers have accounts of their own and cannot pass this folder on the way to theirs: absolute paths into \
             their folders will not work for them; keep the servers' folder elsewhere, or run: chmod o+x {}",
            closed.display()
        );
    }
    let path = settings.state.join("lock");
    let mut options = OpenOptions::new();
    let options = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE);
    let lock = options.open(&path).map_err(unusable(&path))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse {
            state: settings.state.clone(),
        }),
        Err(errno) => Err(unusable(&path)(errno.into())),
    }
}

/// The first folder on the way to `folder` that accounts other than its owner's cannot pass.
fn closed_to_strangers(folder: &Path) -> Option<PathBuf> {
    let is_closed =
        |folder: &&Path| fs::metadata(folder).is_ok_and(|folder| folder.permissions().mode() & 0o001 == 0);
    let ways: Vec<&Path> = folder
        .ancestors()
        .filter(|way| !way.as_os_str().is_empty())
        .collect();
    ways.into_iter().rev().find(is_closed).map(Path::to_owned)
}
