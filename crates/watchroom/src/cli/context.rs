//! What every command is given: flags, environment, output, and a client when it asks for one.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use watchroom_kit::{Ambient, FaultKind};

use super::globals::Globals;
use super::secret;
use crate::client::{Client, Target};
use crate::config::Sources;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::{Colors, Output, safe};

/// The state folder of root.
const SYSTEM_STATE: &str = "/var/lib/watchroom";

pub(super) struct Context {
    pub(super) globals: Globals,
    pub(super) environment: Environment,
    pub(super) ambient: Ambient,
    pub(super) output: Output,
}

impl Context {
    pub(super) fn new(globals: Globals, environment: Environment, ambient: Ambient) -> Self {
        let output = Output::standard(globals.output.unwrap_or_default(), globals.quiet, &environment);
        Self {
            globals,
            environment,
            ambient,
            output,
        }
    }

    /// The state folder: given, root's, or this user's.
    pub(super) fn state(&self) -> Result<PathBuf, Failure> {
        if let Some(state) = &self.globals.state {
            return std::path::absolute(state).map_err(|error| {
                Failure::new(
                    FaultKind::Invalid,
                    format!("--state {} is no folder: {error}", state.display()),
                )
            });
        }
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from(SYSTEM_STATE));
        }
        let base = self
            .environment
            .get("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || {
            self.environment
                .get("HOME")
                .map(|home| PathBuf::from(home).join(".local/state"))
        };
        base.or_else(home)
            .map(|base| base.join("watchroom"))
            .ok_or_else(|| {
                Failure::new(FaultKind::Invalid, "there is no home folder to keep state in")
                    .next_step("give --state DIR")
            })
    }

    /// The folder for temporary files.
    #[cfg(all(feature = "host", feature = "node"))]
    pub(super) fn temporary(&self) -> PathBuf {
        PathBuf::from(self.environment.get("TMPDIR").unwrap_or("/tmp"))
    }

    /// Where the configuration comes from, with these flags.
    pub(super) fn sources(&self, flags: Vec<(&'static str, String, &'static str)>) -> Sources {
        Sources {
            file: self.globals.config.clone(),
            environment: self.environment.clone(),
            flags,
        }
    }

    /// A client of the Host asked for, by default the one on this machine.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let target = match &self.globals.host {
            None => Target::local(&self.state()?)?,
            Some(url) => {
                let token = self
                    .globals
                    .token_file
                    .as_deref()
                    .map(|file| secret::read(file, "API token"));
                Target::remote(
                    url,
                    token.transpose()?,
                    self.globals.ca_file.as_deref(),
                    &self.environment,
                )?
            }
        };
        Ok(Client::new(target, self.ambient.clone()))
    }

    /// Tells a person something that is no result: to standard error, unless quiet.
    pub(super) fn remark(&self, text: &str) {
        if !self.globals.quiet {
            // A closed standard error is no reason to fail a command that works.
            drop(writeln!(io::stderr(), "{}", safe(text, Colors::Drop)));
        }
    }

    /// Asks for a name to be typed before something is lost. `-y` answers; without a terminal it must.
    pub(super) fn confirm(&self, what_happens: &str, name: &str) -> Result<(), Failure> {
        if self.globals.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            let cause = format!("{what_happens} This wants a confirmation, and nobody is at a terminal");
            return Err(Failure::new(FaultKind::Invalid, cause).next_step("add -y"));
        }
        let unread = |error: io::Error| Failure::new(FaultKind::Internal, format!("cannot ask: {error}"));
        let mut screen = io::stderr();
        write!(screen, "{what_happens}\nType {name} to go on: ")
            .and_then(|()| screen.flush())
            .map_err(unread)?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(unread)?;
        if answer.trim() == name {
            return Ok(());
        }
        Err(Failure::found(format!(
            "nothing was done: what was typed is not {name}"
        )))
    }
}
