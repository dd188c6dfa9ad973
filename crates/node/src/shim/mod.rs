//! The shim: a tiny process that owns one server, and outlives every agent.
//!
//! It leads a session of its own, holds the server's pipes, writes the console, knows how the server
//! ended, and answers agents on a Unix socket. It is one thread around `poll(2)`: no async runtime, a few
//! MB. Nobody but its server's end (or a kill) stops it.

mod clients;
mod input;
mod outlet;
mod papers;
pub(crate) mod protocol;
mod restraint;
mod serve;
mod spawn;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, ExitCode};

use uuid::Uuid;
use watchroom_kit::Clock;
use watchroom_model::console::Source;

pub(crate) use self::papers::{Ended, Ending, Launch, Papers, Running};
use self::protocol::Birth;
use self::serve::Serve;
use crate::console::Writer;
use crate::process::{self, Identity};

/// Why a shim gave up before its server ran.
#[derive(Debug, thiserror::Error)]
enum ShimError {
    #[error("the server's shim is already there; the agent will find it")]
    AlreadyHere,
    #[error("the server's shim cannot use {what}: {source}; check the disk and the node's state folder")]
    Io { what: &'static str, source: io::Error },
    #[error(transparent)]
    Spawn(#[from] spawn::SpawnError),
}

impl ShimError {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyHere => "shim_already_here",
            Self::Io { .. } => "shim_failed",
            Self::Spawn(error) => error.code(),
        }
    }
}

/// Names what could not be used.
fn using(what: &'static str) -> impl FnOnce(io::Error) -> ShimError {
    move |source| ShimError::Io { what, source }
}

/// Runs the shim of the server whose papers are in `folder`, until that server has ended. Call it before
/// any thread or async runtime exists. It says once on standard output whether the server was started.
#[must_use]
pub fn shim_main(folder: &Path) -> ExitCode {
    restraint::keep_descriptors();
    // Fails only where we lead a session already, which is all we want.
    let _ = rustix::process::setsid();
    let papers = Papers::of(folder);
    let mut run = None;
    match start(&papers, &mut run) {
        Ok(serve) => {
            report(&Birth::Running(serve.running().clone()));
            silence();
            if serve.run(&papers) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            report(&Birth::Failed {
                run,
                code: error.code().into(),
                why: error.to_string(),
            });
            ExitCode::FAILURE
        }
    }
}

fn start(papers: &Papers, run: &mut Option<Uuid>) -> Result<Serve, ShimError> {
    let lock = papers.lock().map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => ShimError::AlreadyHere,
        _ => ShimError::Io {
            what: "its lock",
            source,
        },
    })?;
    let launch = papers.launch().map_err(using("its papers"))?;
    *run = Some(launch.run);
    let clock = Clock::system();
    let started = begin(papers, &launch, &clock);
    let (child, running, writer, listener) = match started {
        Ok(started) => started,
        Err(error) => {
            let ending = Ending::CannotStart {
                code: error.code().into(),
                why: error.to_string(),
            };
            let ended = Ended {
                run: launch.run,
                ending,
                at: clock.now(),
            };
            papers.write_ended(&ended).map_err(using("its papers"))?;
            return Err(error);
        }
    };
    Serve::new(launch, running, child, writer, listener, (clock, lock)).map_err(using("the server's pipes"))
}

fn begin(
    papers: &Papers,
    launch: &Launch,
    clock: &Clock,
) -> Result<(Child, Running, Writer, UnixListener), ShimError> {
    // What the server leaves behind when it forks away becomes ours, so that it is reaped and ended.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|errno| using("the subreaper setting")(errno.into()))?;
    let mut writer = Writer::open(&launch.console, launch.bounds).map_err(using("the console's folder"))?;
    let listener = listen(&launch.socket).map_err(using("its socket"))?;
    let shim =
        Identity::of(std::process::id()).ok_or_else(|| using("/proc")(io::ErrorKind::NotFound.into()))?;
    let mut child = spawn::spawn(launch)?;
    let started_at = clock.now();
    let pid = child.id();
    // A process that ended at once is a zombie until we wait for it; it is told by its pid alone.
    let server = Identity::of(pid).unwrap_or(Identity { pid, start_ticks: 0 });
    let running = Running {
        run: launch.run,
        boot: process::boot(),
        shim,
        server,
        started_at,
    };
    if let Err(error) = papers.write_running(&running) {
        // Without this record a later agent could not tell whose process it is.
        drop(child.kill());
        drop(child.wait());
        return Err(using("its papers")(error));
    }
    writer.line(
        Source::System,
        clock.now_micros(),
        &format!("started as process {pid}"),
    );
    writer.flush(clock.now_micros());
    Ok((child, running, writer, listener))
}

/// Listens in place of whoever listened there before; the lock says that nobody does any more.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (path, _folder) = protocol::short(socket)?;
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn report(birth: &Birth) {
    let said = serde_json::to_vec(birth)
        .map_err(io::Error::from)
        .and_then(|mut line| {
            line.push(b'\n');
            let mut out = io::stdout().lock();
            out.write_all(&line).and_then(|()| out.flush())
        });
    // The agent may be gone already; the next one reads the papers.
    drop(said);
}

/// Lets go of the agent's pipe: its other end closes with the agent, and nothing more is said there.
fn silence() {
    if let Ok(null) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(null);
    }
}
