//! A node that was taken over: its papers are good, and it says whatever it likes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use watchroom_kit::Ambient;
use watchroom_link::{
    Agent, AgentError, Dialler, DiallerSettings, Envelope, FreshPapers, LinkSettings, Papers,
};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_model::{
    BanNews, Desired, Heartbeat, Inquiry, Jail, Order, OrderOutcome, Sample, ServerId, ServerOrder,
    ServerReport, ServerStatus, Share,
};
use watchroom_testkit::{Machine, TestRoom, program};
use watchroom_trust::{LinkClient, NodeKey};

/// How often it changes its mind.
const CHANGES: u32 = 4_000;

/// Does what it is told, and then tells stories.
struct Liar {
    ambient: Ambient,
    reports: Mutex<Vec<ServerReport>>,
    changes: broadcast::Sender<ServerReport>,
}

impl Liar {
    fn says(&self, report: ServerReport) {
        *self.reports.lock().expect("reports") = vec![report.clone()];
        drop(self.changes.send(report));
    }
}

fn report(id: ServerId, pid: u32) -> ServerReport {
    ServerReport {
        id,
        desired: Desired::Running,
        status: ServerStatus::Running,
        reason: "as it pleases".to_owned(),
        pid: Some(pid),
        started_at: None,
        exit_code: None,
        limited_by: "none".to_owned(),
    }
}

#[async_trait]
impl Agent for Liar {
    async fn order(&self, envelope: Envelope) -> OrderOutcome {
        if let Order::Server(ServerOrder::Create(spec)) = envelope.order {
            self.says(report(spec.id, 0));
        }
        OrderOutcome::Done {
            report: self.reports.lock().expect("reports").first().cloned(),
        }
    }

    async fn disbelieved(&self, _: Envelope, _: String) {}

    async fn disbelieved_look(&self, _: Inquiry, _: String) {}

    async fn bans(&self, news: BanNews) -> Result<u64, AgentError> {
        Ok(news.version)
    }

    async fn jail(&self) -> Result<Jail, AgentError> {
        Err(AgentError::Failed("it has none".to_owned()))
    }

    async fn disbelieved_bans(&self, _: String) {}

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            name: "attic".parse().expect("a name"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            port: 0,
            server_count: 1,
            load: 0.5,
            memory: Share::default(),
            disk: Share::default(),
            clock: self.ambient.now(),
        }
    }

    fn metrics(&self, _: OffsetDateTime) -> Vec<Sample> {
        Vec::new()
    }

    fn reports(&self) -> (Vec<ServerReport>, broadcast::Receiver<ServerReport>) {
        let changes = self.changes.subscribe();
        (self.reports.lock().expect("reports").clone(), changes)
    }

    async fn console(
        &self,
        server: ServerId,
        _: ConsoleFrom,
        _: bool,
    ) -> Result<BoxStream<'static, ConsoleEvent>, AgentError> {
        Err(AgentError::NoSuchServer(server))
    }
}

struct Stolen(LinkClient);

#[async_trait]
impl Papers for Stolen {
    fn client(&self) -> LinkClient {
        self.0.clone()
    }

    fn request(&self) -> Result<Vec<u8>, String> {
        Err("it needs none".to_owned())
    }

    async fn keep(&self, _: FreshPapers) -> Result<(), String> {
        Ok(())
    }
}

/// A node of the room that is linked, whose agent is a liar.
async fn taken_over(room: &TestRoom, url: &str, ambient: &Ambient) -> (Machine, Arc<Liar>, String) {
    let machine = Machine::new("attic");
    let joined = machine.join(url).await;
    let identity = joined.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    let key = NodeKey::open_or_make(&machine.state()).expect("its key");
    let ca = &room.host.cluster_ca;
    let request = key.request().expect("a request");
    let leaf = ca.issue_node_leaf(identity.node.as_uuid(), &request, ambient);
    let leaf = key.with(leaf.expect("a certificate"));
    let client = LinkClient::new(&ca.certificate(), &leaf, &ambient.clock).expect("a client");
    let liar = Arc::new(Liar {
        ambient: ambient.clone(),
        reports: Mutex::default(),
        changes: broadcast::Sender::new(8),
    });
    let settings = DiallerSettings {
        node: identity.node,
        addresses: identity.addresses.clone(),
        papers: Arc::new(Stolen(client)),
        name: identity.name.clone(),
        capabilities: Vec::new(),
        epoch_file: machine.state().join("epoch"),
        link: LinkSettings::default(),
    };
    let dialler = Dialler::new(settings, ambient.clone());
    let agent = Arc::clone(&liar) as Arc<dyn Agent>;
    drop(ambient.tasks.spawn("liar", dialler.run(agent)));
    room.until("the liar is linked", || {
        room.host.hub.link(identity.node).map(drop)
    })
    .await;
    (machine, liar, identity.node.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_changes_its_mind_without_end_is_written_down_at_our_pace_and_touches_nobody_else() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let others = room.server(&admin, "web", "sleep 1000").await;
    // All but when its own node was heard last, which goes on.
    let told = async || {
        let mut told = admin.get(&format!("/api/servers/{others}")).await.json();
        told.as_object_mut().expect("a server").remove("as_of");
        told
    };
    let before = told().await;
    let invited = admin
        .post("/api/cluster/tokens", json!({ "auto_approve": true }))
        .await
        .json();
    let url = invited["join_url"].as_str().expect("a URL");
    let ambient = Ambient::system();
    let (machine, liar, node) = taken_over(&room, url, &ambient).await;
    let new = json!({ "name": "den", "command": ["/bin/true"], "node": node });
    let made = admin.post("/api/servers", new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["server"]["id"].as_str().expect("an id").to_owned();
    let (own, foreign) = (id.parse().expect("an id"), others.parse().expect("an id"));

    let begun = ambient.clock.elapsed();
    for pid in 1..=CHANGES {
        liar.says(report(own, pid));
        drop(liar.changes.send(report(foreign, pid)));
        drop(liar.changes.send(report(ServerId::mint(&ambient), pid)));
        tokio::task::yield_now().await;
    }
    let last = ServerReport {
        status: ServerStatus::Failed,
        ..report(own, 7)
    };
    liar.says(last);
    room.until_server(&admin, &id, "failed").await;
    let seconds = usize::try_from((ambient.clock.elapsed() - begun).as_secs()).expect("a number");

    let path = format!("/api/audit?action=server.report&resource=server:{id}&limit=500");
    let entries = admin.get(&path).await.json();
    let entries = entries["items"].as_array().expect("entries").len();
    assert!(
        (1..=seconds + 10).contains(&entries),
        "{entries} entries of {CHANGES} changes in {seconds} s"
    );
    assert_eq!(told().await, before, "a server of another node");
    assert!(ambient.tasks.shutdown(std::time::Duration::from_secs(20)).await);
    machine.close().await;
    room.close().await;
}
