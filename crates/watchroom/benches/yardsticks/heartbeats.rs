//! Nodes by the thousand: what their heartbeats cost a whole Host beside a bare server that keeps them, what an idle
//! link holds, and how soon all are back after a restart.

use std::time::{Duration, Instant};

use watchroom_kit::Ambient;
use watchroom_link::LinkSettings;

use crate::bare::Bare;
use crate::load::{Load, Requests, Way};
use crate::nodes::{self, Nodes};
use crate::process::{self, Pinned};
use crate::room::Room;
use crate::table::{Row, Verdict};
use crate::{CLIENT_CORE, SERVER_CORE};

/// How many nodes. Each has its descriptor on both ends, within what one process may have by default.
const NODES: usize = 2_000;
/// How often each speaks, so that they give the Host as much to do as ten thousand at the usual pace.
const EVERY: Duration = Duration::from_secs(1);
/// How long the Host is watched while it does nothing but listen.
const WATCHED: Duration = Duration::from_secs(20);
/// What the Host must hold: one heartbeat of each of ten thousand nodes every five seconds, by half a core.
const GOAL_PER_CORE: f64 = 10_000.0 / 5.0 / 0.5;
/// How many nodes come back to a Host that was killed, and how soon.
const RETURNING: usize = 5_000;
const BACK_WITHIN: Duration = Duration::from_secs(10);

pub fn heartbeats() -> Vec<Row> {
    let (mut room, ambient) = (room(NODES, EVERY), Ambient::system());
    process::pin_to(CLIENT_CORE);
    let clients = nodes::enrolled(&room, NODES, &ambient);
    process::pin_to(SERVER_CORE);
    room.start();
    room.until_ready();
    process::pin_to(CLIENT_CORE);
    let host = room.process();
    let empty_kib = host.memory_kib("VmRSS");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (linked_in, spent, full_kib) = runtime.block_on(async {
        let began = Instant::now();
        let patient = LinkSettings {
            hello_patience: nodes::PATIENCE,
            ..LinkSettings::default()
        };
        let mut nodes = Nodes::start(&room, clients, &patient, &ambient);
        nodes
            .all_up_since(ambient.now() - Duration::from_secs(3_600))
            .await;
        let linked_in = began.elapsed();
        // Papers, first reports and connection buffers settle.
        tokio::time::sleep(EVERY * 3).await;
        let spent = spent_while(host, WATCHED).await;
        (linked_in, spent, host.memory_kib("VmRSS"))
    });
    ambient.tasks.stop();
    drop(runtime);
    let bare_spent = kept_by_a_bare_server(&room);
    rows(linked_in, spent, bare_spent, full_kib.saturating_sub(empty_kib))
}

/// A room whose program has run once, for so many nodes, and is stopped.
fn room(nodes: usize, every: Duration) -> Room {
    watchroom::descriptors::raise();
    process::pin_to(SERVER_CORE);
    let mut room = Room::configured(&format!(
        "[cluster]\nheartbeat_s = {}\n[shield]\nconnections_per_address = {}\n",
        every.as_secs(),
        nodes * 2
    ));
    room.stop();
    room
}

async fn spent_while(server: Pinned, time: Duration) -> Duration {
    let before = server.processor_time();
    tokio::time::sleep(time).await;
    server.processor_time() - before
}

/// The same heartbeats at the same pace from as many connections, posted to a bare server that keeps each in a map.
fn kept_by_a_bare_server(room: &Room) -> Duration {
    let heartbeat = serde_json::to_string(&nodes::heartbeat()).unwrap();
    process::pin_to(SERVER_CORE);
    let way = Way::Tls(room.client());
    let bare = Bare::keeping(room, &way);
    process::pin_to(CLIENT_CORE);
    // The first one of each opens its connection.
    let requests = Requests::heartbeats(&way, &bare.authority, NODES, &heartbeat);
    let mut load = Load::new(requests);
    load.connect_all(NODES);
    let server = bare.process();
    load.paced(EVERY, WATCHED, async |time| spent_while(server, time).await)
}

fn rows(linked_in: Duration, spent: Duration, bare_spent: Duration, grown_kib: u64) -> Vec<Row> {
    let heard = NODES as f64 * WATCHED.as_secs_f64() / EVERY.as_secs_f64();
    let per_core = heard / spent.as_secs_f64();
    let bare_per_core = heard / bare_spent.as_secs_f64();
    let per_link = grown_kib as f64 / NODES as f64;
    vec![
        Row::judged(
            "heartbeats over links, per second of processor time",
            format!("{per_core:.0}"),
            ">= 4,000 (10,000 nodes by half a core)",
            Verdict::of(per_core >= GOAL_PER_CORE),
        ),
        Row::fact(
            "heartbeats posted to bare hyper with a map, TLS 1.3, the same",
            format!("{bare_per_core:.0}"),
        ),
        Row::judged(
            "heartbeats, ours / bare hyper's at the same pace",
            format!("{:.2}", per_core / bare_per_core),
            ">= 0.8",
            Verdict::of(per_core >= 0.8 * bare_per_core),
        ),
        Row::judged(
            "memory per idle link with its streams",
            format!("{per_link:.1} KiB"),
            "<= 50 KiB",
            Verdict::of(per_link <= 50.0),
        ),
        Row::fact(
            "2,000 nodes linked, their TLS made on one core",
            format!("{linked_in:.1?}"),
        ),
    ]
}

/// The Host is killed and started again at once, while all its nodes are linked at the usual pace.
pub fn returning() -> Vec<Row> {
    let usual = LinkSettings::default();
    let (mut room, ambient) = (room(RETURNING, usual.heartbeat_every), Ambient::system());
    process::pin_to(CLIENT_CORE);
    let clients = nodes::enrolled(&room, RETURNING, &ambient);
    process::pin_to(SERVER_CORE);
    room.start();
    room.until_ready();
    process::pin_to(CLIENT_CORE);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut nodes = {
        let _inside = runtime.enter();
        Nodes::start(&room, clients, &usual, &ambient)
    };
    runtime.block_on(nodes.all_up_since(ambient.now() - Duration::from_secs(3_600)));
    let (killed_at, began) = (ambient.now(), Instant::now());
    room.kill();
    process::pin_to(SERVER_CORE);
    room.start();
    process::pin_to(CLIENT_CORE);
    let host = room.process();
    runtime.block_on(nodes.all_up_since(killed_at));
    let back_in = began.elapsed();
    let spent = host.processor_time();
    ambient.tasks.stop();
    vec![
        Row::judged(
            "5,000 nodes back after a kill of the Host",
            format!("{back_in:.1?}"),
            "<= 10 s",
            Verdict::of(back_in <= BACK_WITHIN),
        ),
        Row::fact(
            "processor time of the Host for that, its start included",
            format!("{spent:.1?}"),
        ),
    ]
}
