//! A room for a test: folders of its own, a real supervisor with real shims, and an end to all of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use std::os::unix::fs::PermissionsExt;
use watchroom_kit::Ambient;
use watchroom_link::{Agent, ConsoleFrom, Envelope};
use watchroom_model::console::{ConsoleEvent, Line, Source};
use watchroom_model::{
    Breaker, DecisionId, Limits, Order, OrderOutcome, RestartPolicy, ServerId, ServerOrder, ServerReport,
    ServerSpec, ServerStatus, StopMethod,
};
use watchroom_node::{Fail2ban, Power, Rules, Settings, Supervisor};
use watchroom_testkit_folder::Folder;

/// How long anything may take before a test gives up: generous, because machines are busy.
pub const SOON: Duration = Duration::from_secs(30);

/// The program that plays agent and shim.
pub const PROBE: &str = env!("CARGO_BIN_EXE_watchroom-node-probe");

/// A room for a test.
pub struct Room {
    folder: Folder,
    pub ambient: Ambient,
    pub agent: Option<Arc<Supervisor>>,
    pub rules: Rules,
    pub power: Power,
}

impl Room {
    /// An empty room without an agent.
    pub fn empty() -> Self {
        let folder = Folder::new();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
        Self {
            folder,
            ambient: Ambient::system(),
            agent: None,
            rules: Rules {
                same_account: true,
                ..Rules::default()
            },
            power: Power::default(),
        }
    }

    /// A room with an agent.
    pub async fn open() -> Self {
        Self::with_rules(Rules::default()).await
    }

    /// A room with an agent that has these rules, and lets servers run for whoever runs the tests.
    pub async fn with_rules(rules: Rules) -> Self {
        let mut room = Self::empty();
        room.rules = Rules {
            same_account: true,
            ..rules
        };
        room.reopen().await;
        room
    }

    /// Closes the agent, if there is one, and opens a new one in the same folders.
    pub async fn reopen(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.close().await;
        }
        self.agent = Some(
            Supervisor::open(self.settings(), Ambient::system())
                .await
                .unwrap(),
        );
    }

    pub fn settings(&self) -> Settings {
        Settings {
            name: "here".parse().unwrap(),
            state: self.path().join("node"),
            servers: self.path().join("servers"),
            runtime: self.path().join("run"),
            program: PathBuf::from(PROBE),
            port: 5002,
            rules: self.rules.clone(),
            power: self.power.clone(),
            fail2ban: Fail2ban::default(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn agent(&self) -> &Arc<Supervisor> {
        self.agent.as_ref().unwrap()
    }

    /// A server that runs this shell script and is never restarted by itself.
    pub fn script(&self, name: &str, script: &str) -> ServerSpec {
        ServerSpec {
            id: ServerId::mint(&self.ambient),
            name: name.parse().unwrap(),
            command: vec!["/bin/sh".into(), "-c".into(), script.into()],
            env: Default::default(),
            folder: None,
            run_as: None,
            restart_policy: RestartPolicy::Never,
            breaker: Breaker::default(),
            stop: StopMethod::default(),
            limits: Limits::default(),
            labels: Default::default(),
        }
    }

    /// An order by alice under a fresh key.
    pub fn envelope(&self, order: impl Into<Order>) -> Envelope {
        Envelope {
            key: self.ambient.uuid().to_string(),
            order: order.into(),
            principal: "user:alice".into(),
            by: "alice".into(),
            decision: DecisionId::mint(&self.ambient),
            deadline: SOON,
        }
    }

    pub async fn order(&self, order: impl Into<Order>) -> OrderOutcome {
        self.agent().order(self.envelope(order)).await
    }

    /// Creates the server and starts it.
    pub async fn run(&self, spec: ServerSpec) -> ServerReport {
        let id = spec.id;
        done(self.order(ServerOrder::Create(Box::new(spec))).await);
        done(self.order(ServerOrder::Start(id)).await)
    }

    pub fn report(&self, id: ServerId) -> ServerReport {
        self.agent()
            .reports()
            .0
            .into_iter()
            .find(|report| report.id == id)
            .unwrap()
    }

    /// Waits until the server's report is as wanted.
    pub async fn until(&self, id: ServerId, is_it: impl Fn(&ServerReport) -> bool) -> ServerReport {
        let (now, mut changes) = self.agent().reports();
        if let Some(report) = now.into_iter().find(|report| report.id == id && is_it(report)) {
            return report;
        }
        let wanted = async {
            loop {
                let report = changes.recv().await.unwrap();
                if report.id == id && is_it(&report) {
                    return report;
                }
            }
        };
        match tokio::time::timeout(SOON, wanted).await {
            Ok(report) => report,
            Err(_) => panic!("it never came to that: {:?}", self.report(id)),
        }
    }

    pub async fn until_status(&self, id: ServerId, status: ServerStatus) -> ServerReport {
        self.until(id, |report| report.status == status).await
    }

    /// All console lines there are.
    pub async fn lines(&self, id: ServerId) -> Vec<Line> {
        let mut events = self
            .agent()
            .console(id, ConsoleFrom::Offset(0), false)
            .await
            .unwrap();
        let mut lines = Vec::new();
        while let Some(event) = events.next().await {
            if let ConsoleEvent::Lines(more) = event {
                lines.extend(more);
            }
        }
        lines
    }

    /// What the server printed.
    pub async fn printed(&self, id: ServerId) -> Vec<String> {
        let lines = self.lines(id).await.into_iter();
        lines
            .filter(|line| line.source == Source::Stdout)
            .map(|line| line.text)
            .collect()
    }

    /// Follows the console until a line of this text comes, and gives everything up to it.
    pub async fn until_line(&self, id: ServerId, text: &str) -> Vec<Line> {
        let events = self
            .agent()
            .console(id, ConsoleFrom::Offset(0), true)
            .await
            .unwrap();
        until_line(events, text).await
    }
}

/// Reads a console until a line of this text comes.
pub async fn until_line(mut events: impl Stream<Item = ConsoleEvent> + Unpin, text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let read = async {
        while let Some(event) = events.next().await {
            if let ConsoleEvent::Lines(more) = event {
                lines.extend(more);
                if lines.iter().any(|line| line.text == text) {
                    return true;
                }
            }
        }
        false
    };
    let came = tokio::time::timeout(SOON, read).await;
    assert_eq!(came, Ok(true), "the line {text:?} never came: {lines:?}");
    lines
}

/// The report of an order that was done.
pub fn done(outcome: OrderOutcome) -> ServerReport {
    match outcome {
        OrderOutcome::Done { report: Some(report) } => report,
        other => panic!("not done: {other:?}"),
    }
}

/// The code and the reason of an order that was refused.
pub fn refused(outcome: OrderOutcome) -> (String, String) {
    match outcome {
        OrderOutcome::Refused { code, why } => (code, why),
        other => panic!("not refused: {other:?}"),
    }
}

/// Whether the offsets have neither gap nor double.
pub fn is_gapless(lines: &[Line]) -> bool {
    lines.windows(2).all(|pair| pair[0].offset + 1 == pair[1].offset)
}

/// What the shim of a server wrote about what runs.
pub fn running(room: &Path, id: ServerId) -> serde_json::Value {
    let path = room.join("node/shims").join(id.to_string()).join("running.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Sends a signal with the system's own program.
pub fn kill(signal: &str, pid: &str) {
    let _ = std::process::Command::new("kill")
        .args([signal, "--", pid])
        .stderr(std::process::Stdio::null())
        .status();
}

impl Drop for Room {
    /// Servers outlive agents, so a room must end its own.
    fn drop(&mut self) {
        let Ok(shims) = std::fs::read_dir(self.path().join("node/shims")) else {
            return;
        };
        for shim in shims.flatten() {
            let paper = std::fs::read(shim.path().join("running.json")).unwrap_or_default();
            let paper: serde_json::Value = serde_json::from_slice(&paper).unwrap_or_default();
            if let Some(pid) = paper["server"]["pid"].as_u64() {
                kill("-KILL", &format!("-{pid}"));
            }
        }
    }
}
