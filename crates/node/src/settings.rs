//! Where a node keeps its things, and what its own rules allow whoever sits at the Host.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{NodeName, OrderKind};

use crate::account;
use crate::fail2ban::Fail2ban;

/// Where a node keeps its things and what it may do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node's name, as its heartbeats say it.
    pub name: NodeName,
    /// The agent's own folder (0700): journal, shims' papers, consoles.
    pub state: PathBuf,
    /// The root of the servers' working folders. When the agent is root, each server has an account of
    /// its own, so every folder above this one should let strangers pass (`chmod o+x`); where one does
    /// not, a server still starts inside its folder but reaches its files by relative paths only.
    pub servers: PathBuf,
    /// Where the shims' sockets are (0700). It may be emptied at a reboot, not before.
    pub runtime: PathBuf,
    /// Our own executable, run as `<program> shim <folder>`; it must call [`crate::shim_main`].
    pub program: PathBuf,
    /// The port of the local dashboard, as heartbeats say it; 0 if that is off.
    pub port: u16,
    /// What this node allows.
    pub rules: Rules,
    /// Whether the machine may be restarted and switched off, and how.
    pub power: Power,
    /// Whether its fail2ban may be looked at and told to let somebody go.
    pub fail2ban: Fail2ban,
}

/// `node.toml`: what this machine allows, whatever the Host asks. It is never written by the Host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowed {
    /// What may be ordered about servers, and how they may run.
    pub rules: Rules,
    /// Whether the machine may be restarted and switched off, and how.
    pub power: Power,
    /// Whether its fail2ban may be looked at and told to let somebody go.
    pub fail2ban: Fail2ban,
}

/// The section `power` of `node.toml`: what may be ordered about the machine itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Power {
    /// The machine may be restarted from the Host. Default false.
    pub restart: bool,
    /// The machine may be switched off from the Host; somebody must then switch it on by hand. Default false.
    pub shutdown: bool,
    /// What restarts this machine, as program and arguments, run as the agent's own account. Default empty: systemd
    /// is asked (`systemctl reboot`). For containers, which have no systemd.
    pub restart_command: Vec<String>,
    /// What switches this machine off, in the same form. Default empty: `systemctl poweroff`.
    pub shutdown_command: Vec<String>,
}

impl Section for Power {
    const NAME: &'static str = "power";

    fn check(&self, problems: &mut Problems) {
        let commands = [
            ("power.restart_command", &self.restart_command),
            ("power.shutdown_command", &self.shutdown_command),
        ];
        for (key, command) in commands {
            let Some(program) = command.first() else { continue };
            if !std::path::Path::new(program).is_absolute() {
                problems.add(key, format!("{program} is not the absolute path of a program"));
            }
        }
    }
}

/// What this machine allows, whatever the Host asks: read from `node.toml`, never written by the Host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Kinds of order refused altogether: `create`, `remove`, `control`, `console`, `power`,
    /// `bans`. Default none.
    pub refuse: Vec<OrderKind>,
    /// Accounts of this machine that servers may run as by name, `root` among them only if listed. Default none.
    pub run_as: Vec<String>,
    /// Folders outside the server root in which servers may work, as absolute paths. Default none.
    pub folders: Vec<PathBuf>,
    /// An agent that is not root may run servers, although they run as its own account: every program that
    /// somebody may start here can then read all that the agent can (the keys of a Host beside it, its
    /// database, its local socket that believes this account), and is in truth an administrator. Of no
    /// meaning to an agent that is root. Default false.
    pub same_account: bool,
    /// The file that these rules are read from, for messages; not itself a rule.
    #[serde(skip)]
    pub file: PathBuf,
}

impl Rules {
    /// What somebody must do before servers can run here; `None` if they can.
    #[must_use]
    pub fn missing_step(&self) -> Option<String> {
        if account::are_we_root() || self.same_account {
            return None;
        }
        let file = self.named_file();
        let rule = if self.file.exists() {
            format!("add same_account = true under [rules] in {file}")
        } else {
            let folder = self.file.parent().unwrap_or(&self.file).display();
            format!("mkdir -p {folder} && printf '[rules]\\nsame_account = true\\n' > {file}")
        };
        Some(format!(
            "No server can be made or started yet: without root it would run as this very account and could read \
             all of Watchroom's keys.\nRun Watchroom as root, or accept that on a machine of your own and start it again:\n  {rule}"
        ))
    }

    /// The file as messages name it.
    pub(crate) fn named_file(&self) -> String {
        if self.file.as_os_str().is_empty() {
            "node.toml".to_owned()
        } else {
            self.file.display().to_string()
        }
    }
}

impl Section for Rules {
    const NAME: &'static str = "rules";

    fn check(&self, problems: &mut Problems) {
        for name in &self.run_as {
            if account::named(name).is_none() {
                problems.add(
                    "rules.run_as",
                    format!("this machine has no account {name}; create it or remove it here"),
                );
            }
        }
        for folder in &self.folders {
            if !folder.is_absolute() || !folder.is_dir() {
                let folder = folder.display();
                problems.add(
                    "rules.folders",
                    format!("{folder} is not the absolute path of an existing folder"),
                );
            }
        }
    }
}
