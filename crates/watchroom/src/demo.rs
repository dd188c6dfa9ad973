//! Something to look at: a Host, a second machine that really joins it, and servers on both, in a folder
//! that is thrown away at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use watchroom_kit::{Ambient, ExposeSecret, FaultKind, SecretString};
use watchroom_model::join::JoinUrl;
use watchroom_node::{Allowed, Rules};
use watchroom_trust::Fingerprint;

use crate::agent::Agent;
use crate::client::{CallError, Client, Target};
use crate::failure::Failure;
use crate::joining::{self, Invitation};
use crate::state::State;

/// Who may sign in.
pub const ACCOUNT: &str = "demo";
const SECOND: &str = "lighthouse";

/// How long the link of the second machine may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long servers get to end, and how often that is looked at.
const ENDING: Duration = Duration::from_secs(15);
const LOOKED_AT_EVERY: Duration = Duration::from_millis(100);

/// A server of the demonstration: where it runs, what it is called, and what it does.
const SERVERS: &[(Place, &str, &str)] = &[
    (
        Place::Here,
        "clock",
        "while :; do date -u +'%T UTC'; sleep 1; done",
    ),
    (
        Place::Here,
        "parrot",
        "echo 'Send me a line.'; while read -r line; do echo \"You said: $line\"; done",
    ),
    (
        Place::There,
        "fog-horn",
        "turn=0; while :; do turn=$((turn + 1)); echo \"blast $turn\"; sleep 5; done",
    ),
    (
        Place::There,
        "moody",
        "echo 'All is well.'; sleep 4; echo 'All is lost.' >&2; exit 1",
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    There,
}

/// The folder of a demonstration. It goes when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder below that for temporary files.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(temporary: &Path, ambient: &Ambient) -> Result<Self, Failure> {
        let folder = temporary.join(format!("watchroom-demo-{}", ambient.uuid().simple()));
        State::prepare(&folder)?;
        let made = Self(folder);
        std::fs::write(made.configuration(), "").map_err(|error| {
            let cause = format!("cannot write into {}: {error}", made.0.display());
            Failure::new(FaultKind::Internal, cause)
                .next_step("make room there, or set TMPDIR to another folder")
        })?;
        Ok(made)
    }

    /// The configuration: empty.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.0.join("watchroom.toml")
    }

    /// Where the Host keeps its state.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.0.join("host")
    }

    fn second(&self) -> PathBuf {
        self.0.join(SECOND)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "the folder of the demonstration is still there");
        }
    }
}

/// What this machine allows in a demonstration: without root its servers run as whoever looks at it.
#[must_use]
pub fn allowed() -> Allowed {
    let rules = Rules {
        same_account: true,
        ..Rules::default()
    };
    Allowed {
        rules,
        ..Allowed::default()
    }
}

/// What there is to look at, on top of a Host with its own node.
#[derive(Debug)]
pub struct Scene {
    client: Client,
    second: Agent,
    /// Locks the second machine's folder.
    _state: State,
    /// The second machine's surroundings: it stops by itself, as another machine would.
    ambient: Ambient,
    /// The password of [`ACCOUNT`].
    pub password: SecretString,
}

impl Scene {
    /// Sets it, on the Host that answers on this folder's socket.
    ///
    /// # Errors
    /// If a step fails; what was done before stays until the folder goes.
    pub async fn set(folder: &Folder, program: &Path) -> Result<Self, Failure> {
        let ambient = Ambient::system();
        let client = Client::new(Target::local(&folder.host())?, ambient.clone());
        let password = SecretString::from(format!("Look-1-{}", ambient.entropy.token()));
        let account = json!({ "name": ACCOUNT, "role": "admin", "password": password.expose_secret() });
        client.post("/api/users", &account).await?;
        let (second, state) = join(folder, &client, program, &ambient).await?;
        let scene = Self {
            client,
            second,
            _state: state,
            ambient,
            password,
        };
        scene.until_second_is_online().await?;
        scene.start_servers().await?;
        Ok(scene)
    }

    async fn until_second_is_online(&self) -> Result<(), Failure> {
        let is_online = |nodes: &Value| {
            let nodes = nodes.get("items").and_then(Value::as_array).into_iter().flatten();
            nodes
                .filter(|node| node.get("name").is_some_and(|name| name == SECOND))
                .any(|node| node.get("status").is_some_and(|status| status == "online"))
        };
        let online = async {
            while !is_online(&self.client.get("/api/nodes", &[]).await?) {
                tokio::time::sleep(LOOKED_AT_EVERY).await;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, online).await.unwrap_or_else(|_| {
            let cause = "the second machine joined, but its link did not come up";
            Err(Failure::new(FaultKind::Timeout, cause).next_step("start the demonstration again"))
        })
    }

    async fn start_servers(&self) -> Result<(), Failure> {
        for (place, name, script) in SERVERS {
            let mut server = json!({ "name": name, "command": ["/bin/sh", "-c", script] });
            if *place == Place::There
                && let Some(server) = server.as_object_mut()
            {
                server.insert("node".to_owned(), json!(SECOND));
            }
            let made = self.client.order("/api/servers", &server).await?;
            let id = text(&made, "/server/id")?;
            self.client
                .order(&format!("/api/servers/{id}/start"), &json!({}))
                .await?;
        }
        Ok(())
    }

    /// Ends its servers and the second machine. `here` counts what still runs on the Host's own node.
    pub async fn strike(self, here: impl Fn() -> usize) {
        if let Err(error) = self.stop_servers().await {
            tracing::warn!(%error, "not every server of the demonstration could be stopped");
        }
        let ended = async {
            while here() + self.second.supervisor.running() > 0 {
                tokio::time::sleep(LOOKED_AT_EVERY).await;
            }
        };
        if tokio::time::timeout(ENDING, ended).await.is_err() {
            tracing::warn!("some servers of the demonstration still run");
        }
        self.second.close().await;
        self.ambient.tasks.shutdown(ENDING).await;
    }

    async fn stop_servers(&self) -> Result<(), CallError> {
        let servers = self.client.list("/api/servers", &[], usize::MAX).await?;
        let servers = servers.get("items").and_then(Value::as_array);
        for server in servers.into_iter().flatten() {
            if let Some(id) = server.get("id").and_then(Value::as_str) {
                self.client
                    .order(&format!("/api/servers/{id}/stop"), &json!({}))
                    .await?;
            }
        }
        Ok(())
    }
}

/// The second machine asks to be let in, as any other would, and is.
async fn join(
    folder: &Folder,
    client: &Client,
    program: &Path,
    ambient: &Ambient,
) -> Result<(Agent, State), Failure> {
    let invited = json!({ "name": SECOND, "auto_approve": true });
    let invited = client.post("/api/cluster/tokens", &invited).await?;
    let url: JoinUrl = text(&invited, "/join_url")?.parse().map_err(unexpected)?;
    let state = State::open(&folder.second(), "node")?;
    let invitation = Invitation {
        address: url.address.clone(),
        pin: Fingerprint::from(url.token.pin()),
        token: Some(url.token.secret().clone()),
        name: SECOND.parse().map_err(unexpected)?,
        own_address: None,
    };
    joining::join(state.folder(), invitation, ambient, &mut |_| {}).await?;
    let agent = Agent::start(&state, program, allowed(), None, ambient).await?;
    Ok((agent, state))
}

fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| unexpected(format!("{pointer} is missing")))
}

fn unexpected(why: impl std::fmt::Display) -> Failure {
    Failure::new(
        FaultKind::Internal,
        format!("our own Host answered unexpectedly: {why}"),
    )
}
