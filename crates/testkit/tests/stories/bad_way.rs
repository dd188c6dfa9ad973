//! A bad way for a long time: pieces of bytes stall, are late, flipped or lost with their connection, and no node
//! is called away that is there, no order is done twice, no line of a console is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use futures_util::future::join_all;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use watchroom_fleet::FleetEvent;
use watchroom_fleet::nodes::Turn;
use watchroom_kit::Ambient;
use watchroom_link::{ConnectFault, LinkEvent};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom, Source};
use watchroom_model::{NodeId, NodeStatus, ServerId};
use watchroom_policy::act;
use watchroom_testkit::{Machine, TestRoom, Visitor, program};
use watchroom_testkit_way::{Met, Proxy, Trouble};

/// How long the long form lasts: `make soak` sets it. Without it the story ends when enough has happened.
const MINUTES: Option<&str> = option_env!("WATCHROOM_SOAK_MINUTES");
/// Whether a processor is kept busy meanwhile.
const BUSY: Option<&str> = option_env!("WATCHROOM_SOAK_BUSY");
/// What must have befallen the short form before it ends.
const ENOUGH: Met = Met {
    pieces: 1_000,
    stalls: 10,
    flips: 2,
    cuts: 2,
};
/// Longest wait for that, or for anything else here: a busy machine sends few pieces.
const PATIENCE: Duration = Duration::from_secs(150);
/// Says what it is told.
const ECHO: &str = "while read line; do echo \"$line\"; done";

/// How bad it is, and for how long.
struct Scale {
    machines: usize,
    longest_stall: Duration,
    /// Of ten thousand pieces, so many are flipped, and so many cut.
    broken: u16,
    /// Between two orders to one machine.
    pause: Duration,
    lasts: Option<Duration>,
}

impl Scale {
    fn asked() -> Self {
        let minutes = MINUTES.map(|minutes| minutes.parse::<u64>().expect("a number of minutes"));
        match minutes {
            // Far more flips and cuts than any network has: each ends a link.
            None => Self {
                machines: 3,
                longest_stall: Duration::from_millis(400),
                broken: 30,
                pause: Duration::from_millis(20),
                lasts: None,
            },
            // Stalls that use up much of what a node may be silent: it speaks each five seconds and is late after
            // fifteen.
            Some(minutes) => Self {
                machines: 12,
                longest_stall: Duration::from_secs(8),
                broken: 4,
                pause: Duration::from_secs(2),
                lasts: Some(Duration::from_secs(minutes * 60)),
            },
        }
    }

    fn trouble(&self) -> Trouble {
        let trouble = Trouble::of_stalls(3, self.longest_stall);
        trouble.breaking(self.broken).late(Duration::from_millis(30))
    }

    fn is_over(&self, began: Instant, met: Met) -> bool {
        match self.lasts {
            Some(lasts) => began.elapsed() >= lasts,
            None => {
                let is_enough = met.pieces >= ENOUGH.pieces
                    && met.stalls >= ENOUGH.stalls
                    && met.flips >= ENOUGH.flips
                    && met.cuts >= ENOUGH.cuts;
                assert!(
                    is_enough || began.elapsed() < PATIENCE,
                    "too little happened: {met:?}"
                );
                is_enough
            }
        }
    }
}

/// A machine whose way to the Host is bad, with a server that repeats what it is told.
struct Far {
    machine: Machine,
    node: NodeId,
    server: ServerId,
}

/// Machines that have joined, and what they run. Nothing befalls anything yet.
async fn far(room: &TestRoom, admin: &Visitor, machines: usize, trouble: &Arc<Trouble>) -> Vec<Far> {
    let own = room.address().to_string();
    let mut all = Vec::new();
    for number in 0..machines {
        let tasks = &room.host.ambient().tasks;
        let proxy = Proxy::troubled(room.address(), tasks, Arc::clone(trouble)).await;
        // The Host is told that it is reached by this way alone.
        room.host.fleet.advertise(vec![proxy.address.to_string()]);
        let name = format!("far-{number}");
        let wishes = json!({ "auto_approve": true });
        let made = admin.post("/api/cluster/tokens", wishes).await.json();
        let mut machine = Machine::new(&name);
        let joined = machine.join(made["join_url"].as_str().expect("a URL")).await;
        let node = joined
            .unwrap_or_else(|failure| panic!("{}", failure.render(false)))
            .node;
        machine.start(program!()).await;
        until_online(room, &[node]).await;
        let new = json!({ "name": name, "node": node, "command": ["/bin/sh", "-c", ECHO] });
        let created = admin.post("/api/servers", new).await.json();
        let server = created["server"]["id"].as_str().expect("an id");
        let started = admin
            .post(&format!("/api/servers/{server}/start"), json!({}))
            .await;
        assert_eq!(started.status, 200, "{}", started.text());
        let server = server.parse().expect("an id");
        all.push(Far {
            machine,
            node,
            server,
        });
    }
    room.host.fleet.advertise(vec![own]);
    all
}

/// Orders until it is answered that it was done: the same key each time, as clients should.
async fn again_and_again(visitor: &Visitor, path: &str, key: &str, body: &serde_json::Value) {
    let began = Instant::now();
    loop {
        let request = visitor
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let answer = visitor.send(request).await;
        if answer.status < 300 {
            return;
        }
        assert!(
            answer.status >= 500 && began.elapsed() < PATIENCE,
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn until_online(room: &TestRoom, nodes: &[NodeId]) {
    let is_online = |id: &NodeId| {
        let node = room.host.fleet.node(*id).expect("a node");
        room.host.fleet.view_node(&node).status == NodeStatus::Online
    };
    let began = Instant::now();
    while !nodes.iter().all(is_online) {
        assert!(began.elapsed() < PATIENCE, "not all are online");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Tells a server numbered lines, each until it is done, as long as it is not over. Gives how many.
async fn tell(admin: &Visitor, server: ServerId, pause: Duration, is_over: &AtomicBool) -> u64 {
    let path = format!("/api/servers/{server}/console");
    let mut told = 0;
    while !is_over.load(Ordering::SeqCst) {
        let line = json!({ "line": format!("line {told}") });
        again_and_again(admin, &path, &format!("{server}-{told}"), &line).await;
        told += 1;
        tokio::time::sleep(pause).await;
    }
    told
}

/// Follows the console until it has said the last line that was told, over as many links as that takes.
async fn follow(room: &TestRoom, server: ServerId, told: &watch::Sender<Option<u64>>) {
    let known = room.host.fleet.server(server).expect("a server");
    let permit = room.as_root(act::ReadConsole, &*known);
    let (mut offset, mut said) = (0, 0);
    while told.borrow().is_none_or(|told| said < told) {
        let Ok(mut console) = room
            .host
            .fleet
            .console(&permit, ConsoleFrom::Offset(offset))
            .await
        else {
            // There is no link at this moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while told.borrow().is_none_or(|told| said < told) {
            // A look at whether it is over, when nothing is said for a while.
            let Ok(event) = tokio::time::timeout(Duration::from_secs(1), console.next()).await else {
                continue;
            };
            let Some(Ok(event)) = event else { break };
            let ConsoleEvent::Lines(lines) = event else {
                panic!("{server}: lines were skipped")
            };
            for line in lines {
                assert_eq!(line.offset, offset, "{server}: the console goes on where it was");
                offset += 1;
                if line.source == Source::Stdout {
                    assert_eq!(
                        line.text,
                        format!("line {said}"),
                        "{server}: each line once, in order"
                    );
                    said += 1;
                }
            }
        }
    }
}

/// Waits until it is over, and fails as soon as a node is called away that is there.
async fn look_on(room: &TestRoom, scale: &Scale, trouble: &Trouble, is_over: &AtomicBool) -> usize {
    let mut events = room.host.fleet.events();
    let mut links = room.host.hub.events();
    let (began, mut ended, mut pace) = (
        Instant::now(),
        0,
        tokio::time::interval(Duration::from_millis(200)),
    );
    loop {
        tokio::select! {
            _ = pace.tick() => {
                if scale.is_over(began, trouble.met()) {
                    is_over.store(true, Ordering::SeqCst);
                    return ended;
                }
            }
            event = events.recv() => match event {
                Ok(FleetEvent::Turned(node, turn)) => {
                    assert_eq!(turn, Turn::Became(NodeStatus::Online), "{node} after {:?}", began.elapsed());
                }
                Ok(_) => {}
                Err(error) => panic!("some events were missed: {error}"),
            },
            link = links.recv() => match link {
                Ok(LinkEvent::Down { why, .. }) => {
                    assert!(matches!(why, ConnectFault::Lost { .. }), "{why}");
                    ended += 1;
                }
                // A byte that is flipped while they greet each other ends a link that was none yet.
                Ok(LinkEvent::Refused { node, why }) => {
                    assert!(matches!(why, ConnectFault::Lost { .. }), "{node}: {why}");
                }
                Ok(_) => {}
                Err(error) => panic!("some events were missed: {error}"),
            }
        }
    }
}

/// Keeps a processor busy until it is over.
fn burn(is_over: &Arc<AtomicBool>) -> Option<std::thread::JoinHandle<()>> {
    let is_over = Arc::clone(is_over);
    BUSY.map(|_| {
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_away_who_is_there_and_every_order_is_done_once() {
    let scale = Scale::asked();
    let trouble = Arc::new(scale.trouble());
    let is_brisk = scale.lasts.is_none();
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        if is_brisk {
            config.cluster.heartbeat_s = 1;
        }
        // Many lines and looks from one address.
        config.shield.limits.presented = Vec::new();
    })
    .await;
    let admin = room.admin("alice").await;
    let far = far(&room, &admin, scale.machines, &trouble).await;
    trouble.begin();
    let is_over = Arc::<AtomicBool>::default();
    let burning = burn(&is_over);
    let each = far.iter().map(async |far| {
        let told = watch::Sender::new(None);
        let telling = async {
            let many = tell(&admin, far.server, scale.pause, &is_over).await;
            told.send_replace(Some(many));
            many
        };
        tokio::join!(telling, follow(&room, far.server, &told)).0
    });
    let (told, ended) = tokio::join!(join_all(each), look_on(&room, &scale, &trouble, &is_over));
    if let Some(burning) = burning {
        burning.join().expect("it only spins");
    }
    let nodes: Vec<_> = far.iter().map(|far| far.node).collect();
    until_online(&room, &nodes).await;
    println!(
        "{} machines, {} orders, {ended} links ended: {:?}",
        far.len(),
        told.iter().sum::<u64>(),
        trouble.met()
    );
    assert!(told.iter().all(|told| *told > 0));
    for far in far {
        far.machine.close().await;
    }
    room.close().await;
}
