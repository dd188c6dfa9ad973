//! The machine's power: whether it may go down from here, and by which command.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::account::are_we_root;
use crate::program;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// Where the system's own programs are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What is there where systemd is the first process, by `sd_booted(3)`.
const SYSTEMD: &str = "/run/systemd/system";
/// How long the command may take: it asks for the end of the machine and does not wait for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of the command's complaint is repeated, in bytes.
const COMPLAINT: u64 = 1_024;
/// How long what the command left running may hold its standard error open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The two ways down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    /// The machine comes back.
    Restart,
    /// Somebody must switch it on again.
    ShutDown,
}

/// A command that makes the machine go down; it was there when it was looked for.
#[derive(Debug)]
pub(crate) struct Means {
    going: Going,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Going {
    /// What is done to the machine: "restarted".
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Restart => "restarted",
            Self::ShutDown => "shut down",
        }
    }

    /// What it is called: "restart".
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::ShutDown => "shutdown",
        }
    }

    /// The command that does it here, if `node.toml` allows it and the machine has the means.
    pub(crate) fn means(self, settings: &Settings) -> Result<Means, Refusal> {
        let power = &settings.power;
        let (is_allowed, command, verb) = match self {
            Self::Restart => (power.restart, &power.restart_command, "reboot"),
            Self::ShutDown => (power.shutdown, &power.shutdown_command, "poweroff"),
        };
        if !is_allowed {
            return Err(Refusal::PowerNotAllowed {
                verb: self.verb(),
                key: self.noun(),
                file: settings.rules.named_file(),
            });
        }
        let usual = ["systemctl".to_owned(), verb.to_owned()];
        let command = if command.is_empty() {
            self.asks_systemd(settings)?;
            &usual[..]
        } else {
            command
        };
        let (name, arguments) = command.split_first().unwrap_or((&usual[0], &[]));
        let program = program::find(name, PATH, Path::new("/"), None);
        Ok(Means {
            going: self,
            program: program.map_err(|missing| self.impossible(missing.to_string()))?,
            arguments: arguments.to_vec(),
        })
    }

    /// Whether systemd would listen to us.
    fn asks_systemd(self, settings: &Settings) -> Result<(), Refusal> {
        let (key, file) = (self.noun(), settings.rules.named_file());
        let instead = format!("name a command of yours: {key}_command under [power] in {file}");
        if !Path::new(SYSTEMD).is_dir() {
            return Err(self.impossible(format!("it does not run systemd; {instead}")));
        }
        if !are_we_root() {
            return Err(self.impossible(format!("the agent does not run as root; run it so, or {instead}")));
        }
        Ok(())
    }

    fn impossible(self, why: String) -> Refusal {
        Refusal::PowerNotPossible {
            verb: self.verb(),
            why,
        }
    }
}

impl Means {
    /// Tells the machine to go down, in a process group of its own that outlives this agent.
    pub(crate) async fn carry_out(self) -> Result<(), Refusal> {
        let program = self.program.display();
        let failed = |why: String| Refusal::PowerFailed {
            verb: self.going.verb(),
            why: format!("{program} {why}"),
        };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).process_group(0);
        command.env_clear().env("PATH", PATH).current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("cannot be run: {error}")))?;
        let complaint = child.stderr.take();
        let ended = timeout(PATIENCE, child.wait()).await;
        let ended = ended.map_err(|_| failed(format!("did not end within {} s", PATIENCE.as_secs())))?;
        let status = ended.map_err(|error| failed(format!("was lost: {error}")))?;
        if status.success() {
            return Ok(());
        }
        let mut said = Vec::new();
        if let Some(complaint) = complaint {
            let mut complaint = complaint.take(COMPLAINT);
            // What it started may go on; what it has said until now is enough.
            drop(timeout(LAST_WORDS, complaint.read_to_end(&mut said)).await);
        }
        let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
        Err(failed(format!("ended with {status}: {said}")))
    }
}
