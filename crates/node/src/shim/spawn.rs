//! Starts the server's process: in its folder, as its account, within its limits, in a group of its own.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::fcntl_getfl;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Resource, Rlimit, fchdir, getrlimit, prlimit, setrlimit};
use watchroom_kit::ConfinedRoot;
use watchroom_model::Limits;

use super::papers::Launch;
use super::restraint;
use crate::process;

/// The smallest address space a program can be loaded into at all, in bytes; less is raised to this.
const LEAST_MEMORY: u64 = 64 << 20;
/// Room in the pipes: a server that prints in bursts then waits for nobody.
const PIPE: usize = 1 << 20;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    /// Its folder is not usable.
    #[error(
        "its working folder {folder} cannot be entered: {source}; make sure that it exists inside the server root"
    )]
    Folder {
        /// As it was asked for.
        folder: String,
        /// What the system said.
        source: io::Error,
    },
    /// It could gain privileges.
    #[error("the privileges it must not gain cannot be given up: {source}; this needs Linux 3.5 or newer")]
    Privileges {
        /// What the system said.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error(
        "{program} cannot be run: {source}; check the command, and that the server's account may execute it"
    )]
    Program {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

impl SpawnError {
    /// A stable word for it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "folder_unusable",
            Self::Privileges { .. } => "privileges_kept",
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => "no_such_program",
            Self::Program { .. } => "cannot_run",
        }
    }
}

/// Starts it. The shim is still one thread here, so what is set for a moment is set for the child alone.
pub(super) fn spawn(launch: &Launch) -> Result<Child, SpawnError> {
    let folder = |source| SpawnError::Folder {
        folder: launch.folder.clone(),
        source,
    };
    let root = ConfinedRoot::open(&launch.root).map_err(folder)?;
    let confined = root
        .confine(&launch.folder)
        .map_err(|error| folder(io::Error::other(error)))?;
    let opened = confined.open_folder().map_err(folder)?;
    // Entered by descriptor and inherited by the child: nobody can swap it for a link in between, and
    // the child's account need not be able to walk the way there.
    fchdir(&opened).map_err(|errno| folder(errno.into()))?;

    let mut command = Command::new(&launch.program);
    if let Some((name, arguments)) = launch.command.split_first() {
        command.arg0(name).args(arguments);
    }
    command.env_clear().envs(&launch.env).process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(account) = launch.account {
        command.uid(account.uid).gid(account.gid);
    }
    let program = |source| SpawnError::Program {
        program: launch.program.display().to_string(),
        source,
    };
    restraint::give_up_privileges(launch.account)
        .map_err(|errno| SpawnError::Privileges { source: errno.into() })?;
    let child = within(&restraint::limits(launch), || command.spawn()).map_err(program)?;
    // The shim itself stays nowhere, so that no folder is busy because of it. "/" is always there.
    rustix::process::chdir("/").map_err(|errno| program(errno.into()))?;
    widen(&child);
    Ok(child)
}

/// Lowers our own soft limits while `spawn` runs, so that the child is born with them, and then makes
/// them hard for the child alone.
fn within(limits: &Limits, spawn: impl FnOnce() -> io::Result<Child>) -> io::Result<Child> {
    let wanted: Vec<(Resource, u64)> = [
        (
            Resource::As,
            limits.memory_bytes.map(|bytes| bytes.max(LEAST_MEMORY)),
        ),
        (Resource::Nproc, limits.processes.map(u64::from)),
        (Resource::Nofile, limits.open_files.map(u64::from)),
    ]
    .into_iter()
    .filter_map(|(resource, limit)| Some((resource, limit?)))
    .collect();
    let ours: Vec<(Resource, Rlimit)> = wanted
        .iter()
        .map(|(resource, _)| (*resource, getrlimit(*resource)))
        .collect();
    for ((resource, limit), (_, our)) in wanted.iter().zip(&ours) {
        let limit = our.maximum.map_or(*limit, |most| most.min(*limit));
        setrlimit(
            *resource,
            Rlimit {
                current: Some(limit),
                maximum: if is_kept(*resource) {
                    Some(limit)
                } else {
                    our.maximum
                },
            },
        )?;
    }
    let spawned = spawn();
    for (resource, our) in ours.iter().filter(|(resource, _)| !is_kept(*resource)) {
        setrlimit(*resource, *our)?;
    }
    let child = spawned?;
    for ((resource, limit), (_, our)) in wanted.iter().zip(&ours) {
        let limit = Some(our.maximum.map_or(*limit, |most| most.min(*limit)));
        // Refused where we are root without the capability for it: the soft limit then stands alone.
        let _ = prlimit(
            process::number(child.id()),
            *resource,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        );
    }
    Ok(child)
}

/// Whether the shim stays under this limit itself: it starts nothing more, and a limit that is hard from the
/// beginning holds even where the child's cannot be changed from outside.
fn is_kept(resource: Resource) -> bool {
    resource == Resource::Nproc
}

/// Makes the pipes wide and our ends of them non-blocking. What the system refuses costs only speed.
fn widen(child: &Child) {
    if let Some(out) = &child.stdout {
        let _ = fcntl_setpipe_size(out, PIPE);
        let _ = unblock(out);
    }
    if let Some(err) = &child.stderr {
        let _ = unblock(err);
    }
    if let Some(input) = &child.stdin {
        let _ = unblock(input);
    }
}

fn unblock(pipe: impl std::os::fd::AsFd) -> rustix::io::Result<()> {
    let flags = fcntl_getfl(&pipe)?;
    rustix::fs::fcntl_setfl(&pipe, flags | rustix::fs::OFlags::NONBLOCK)
}
