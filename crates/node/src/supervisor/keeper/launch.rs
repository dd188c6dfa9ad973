//! How a keeper starts its server: the intent written down, a shim of its own, and the shim's first word.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;
use watchroom_model::Desired;

use super::super::course::{self, clock};
use super::super::standing::Rest;
use super::super::tether::Tether;
use super::phase::Phase;
use super::{Keeper, is_wanted};
use crate::account::are_we_root;
use crate::gate;
use crate::refusal::Refusal;
use crate::shim::protocol::Birth;
use crate::shim::{Ending, Launch};

/// How long a shim may take from its start to its first word.
const BIRTH: Duration = Duration::from_secs(20);

/// How long the shim of an ended run may take to go.
const PARTING: Duration = Duration::from_secs(3);
/// Looks for processes that outlived their server, 5 ms apart.
const LOOKS: u32 = 400;

impl Keeper {
    /// Starts the server. When it returns, its process was really made, or the reason says why not.
    pub(super) async fn launch(&mut self, reason: &str) -> Result<(), Refusal> {
        let before = self.standing.clone();
        let run = self.house.ambient.uuid();
        self.standing.desired = Desired::Running;
        self.standing.run = Some(run);
        self.standing.is_halted = false;
        self.standing.reason = format!("{reason}{}", self.as_whom());
        if let Err(refusal) = self.note_standing().await {
            self.standing = before;
            return Err(refusal);
        }
        match self.give_birth(run).await {
            Ok(tether) => {
                self.phase = Phase::Up(tether);
                Ok(())
            }
            Err(refusal) => {
                self.standing = before;
                self.standing.run = None;
                self.standing.is_halted = false;
                self.standing.rest = Rest::Failed;
                self.standing.reason = refusal.reason();
                self.phase = Phase::Down;
                self.record_standing().await;
                self.remark(self.standing.reason.clone()).await;
                Err(refusal)
            }
        }
    }

    /// A server whose wait is over is started again; if that fails, the policy has the word.
    pub(super) async fn retry(&mut self) {
        let reason = format!(
            "{}; started again at {}",
            self.last_words(),
            clock(self.house.ambient.now())
        );
        if let Err(refusal) = self.launch(&reason).await
            && is_wanted(&self.standing)
        {
            let at = self.house.ambient.now();
            let ending = Ending::CannotStart {
                code: refusal.code().to_owned(),
                why: refusal.to_string(),
            };
            self.follow(&ending, at).await;
        }
    }

    async fn give_birth(&mut self, run: Uuid) -> Result<Tether, Refusal> {
        let (house, kept) = (self.house.clone(), self.kept.clone());
        let papers = house.papers(kept.spec.id);
        let prepared = {
            let papers = papers.clone();
            let kin = self.kin(run);
            spawn_blocking(move || -> Result<Launch, Refusal> {
                let launch = gate::launch(&house.settings, &kept, run)?;
                // The shim of the last run says goodbye before it is gone altogether.
                let is_free = papers.wait_until_free(PARTING);
                // Whatever wears the server's own account now escaped from an earlier run. A shim that is
                // still there has read these papers, and its server is the one that was asked for.
                let kin = kin();
                if is_free && kin.uid.is_some() && !kin.end(LOOKS) {
                    tracing::error!(server.id = %kept.spec.id, "processes of an earlier run could not be ended");
                }
                papers
                    .write_launch(&launch)
                    .map_err(|error| shim_failed(&error))?;
                Ok(launch)
            })
        };
        let launch = prepared.await.map_err(|_| Refusal::Interrupted)??;
        let birth = self.start_shim(papers.folder()).await?;
        match birth {
            Birth::Running(_) => {}
            // A shim that an earlier agent started just before its end has read the same papers.
            Birth::Failed { code, .. } if code == "shim_already_here" => {}
            Birth::Failed { code, why, .. } => return Err(Refusal::CannotStart { code, why }),
        }
        let tether = Tether::connect(&launch.socket, &self.house.tasks, self.newest.clone()).await;
        let tether = tether.map_err(|error| shim_failed(&error))?;
        if tether.running().run == run {
            Ok(tether)
        } else {
            Err(shim_failed(&"it runs something else"))
        }
    }

    /// Runs our own program as a shim. Its standard output is a pipe for one word; nothing else of ours
    /// reaches it, and it leaves our session at once, so that whatever ends us does not end it.
    async fn start_shim(&self, folder: &std::path::Path) -> Result<Birth, Refusal> {
        let mut command = Command::new(&self.house.settings.program);
        command.arg("shim").arg(folder).env_clear().current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shim = command.spawn().map_err(|error| shim_failed(&error))?;
        let out = shim.stdout.take();
        // Waited for until it ends, which may be in a year: a child of ours must not stay as a zombie.
        self.house
            .tasks
            .spawn("shim's end", async move { drop(shim.wait().await) });
        let mut line = String::new();
        if let Some(out) = out {
            let read = timeout(BIRTH, BufReader::new(out).read_line(&mut line)).await;
            read.map_err(|_| shim_failed(&"it said nothing"))?
                .map_err(|error| shim_failed(&error))?;
        }
        serde_json::from_str(&line).map_err(|_| shim_failed(&"it ended before its first word"))
    }

    /// Whether nobody could give the server an account of its own.
    fn as_whom(&self) -> String {
        if are_we_root() {
            return String::new();
        }
        let uid = rustix::process::geteuid().as_raw();
        format!(", as the agent's own account (uid {uid})")
    }

    fn last_words(&self) -> String {
        let reason = self.standing.reason.split("; ").next().unwrap_or_default();
        reason.to_owned()
    }
}

fn shim_failed(error: &dyn std::fmt::Display) -> Refusal {
    let why = format!("its shim failed: {error}; check the node's state folder and program");
    Refusal::CannotStart {
        code: "shim_failed".into(),
        why,
    }
}

/// A restart delay as people read it.
pub(super) fn seconds(delay: Duration) -> String {
    format!("{} s", delay.as_secs_f64().ceil().max(1.0))
}

/// How an ending is told, with what follows.
pub(super) fn and_then(ending: &Ending, at: time::OffsetDateTime, follows: &str) -> String {
    format!("{}; {follows}", course::words(ending, at))
}
