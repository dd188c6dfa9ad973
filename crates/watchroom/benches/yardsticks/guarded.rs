//! `GET /api/nodes` with a token, through the whole stack, beside a bare hyper server with the same body: over TLS
//! 1.3, and plain as behind a proxy of this machine. What each check of the edge costs by itself is told by the bench
//! of the shield.

use std::time::Duration;

use crate::bare::Bare;
use crate::load::{self, Load, Requests, Way};
use crate::process::{self, Pinned};
use crate::room::{self, Room};
use crate::table::{Row, Verdict};
use crate::{CLIENT_CORE, SERVER_CORE, least, median, most};

/// Rounds of each server under full load, in turn: many short ones, as one alone may be off by a quarter.
const ROUNDS: usize = 25;
const ROUND: Duration = Duration::from_millis(300);
/// Requests for which a round has tokens: more than one core answers in that time.
const MOST_PER_ROUND: usize = 40_000;
/// Connections that ask one thing after the other, and those over which the quiet load is spread.
const CONNECTIONS: usize = 32;
const QUIET_CONNECTIONS: usize = 10;
/// The quiet load under which waiting is measured, and how long a round of it takes. Rounds are short, so that what else
/// the machine does meets both servers alike, and all answers of a server are taken together: of the 300 of one round, three
/// are slower than what 99 of 100 keep, and the ratio of two such numbers is anything. With 100 rounds it is 300 that are
/// slower, and what the ratio says is within a twentieth.
const QUIET_PER_S: u32 = 300;
const QUIET: Duration = Duration::from_secs(1);
const QUIET_ROUNDS: usize = 100;
/// Parts of the rounds that are compared by themselves, to show how far chance goes.
const QUIET_PARTS: usize = 4;
const PATH: &str = "/api/nodes";

/// What a way is called in the table.
struct Names {
    bare: &'static str,
    ours: &'static str,
    ratio: &'static str,
    bare_wait: &'static str,
    own_wait: &'static str,
    wait: &'static str,
}

const OVER_TLS: Names = Names {
    bare: "bare hyper, TLS 1.3, requests per second of processor time",
    ours: "guarded request, the same",
    ratio: "guarded request / bare hyper (rounds apart)",
    bare_wait: "bare hyper, TLS 1.3, p99 at 300/s",
    own_wait: "guarded request, the same",
    wait: "p99 at 300/s, ours / bare hyper's (parts of the run)",
};

const PLAIN: Names = Names {
    bare: "bare hyper, plain, requests per second of processor time",
    ours: "guarded request behind a proxy, the same",
    ratio: "plain: guarded request / bare hyper (rounds apart)",
    bare_wait: "bare hyper, plain, p99 at 300/s",
    own_wait: "guarded request behind a proxy, the same",
    wait: "plain: p99 at 300/s, ours / bare hyper's (parts of the run)",
};

pub fn guarded() -> Vec<Row> {
    process::pin_to(SERVER_CORE);
    let room = Room::up();
    let mut rows = beside_bare(&room, &Way::Tls(room.client()), &OVER_TLS);
    drop(room);
    process::pin_to(SERVER_CORE);
    let room = Room::configured("[shield]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    rows.extend(beside_bare(&room, &Way::BehindProxy, &PLAIN));
    rows
}

fn beside_bare(room: &Room, way: &Way, names: &Names) -> Vec<Row> {
    process::pin_to(CLIENT_CORE);
    let tokens = room.tokens(ROUNDS * MOST_PER_ROUND / room::REQUESTS_PER_TOKEN + 4);
    let ours = Requests::with_tokens(way, &room.authority(), PATH, &tokens);
    let body = load::body_of(&ours);
    process::pin_to(SERVER_CORE);
    let bare = Bare::start(room, way, &body);
    process::pin_to(CLIENT_CORE);
    let plain = Requests::without_tokens(way, &bare.authority, PATH);

    let (mut to_ours, mut to_bare) = (Load::new(ours), Load::new(plain));
    let (mut own_waits, mut others_waits) = (Vec::new(), Vec::new());
    to_bare.connect_all(QUIET_CONNECTIONS);
    to_ours.connect_all(QUIET_CONNECTIONS);
    for _ in 0..QUIET_ROUNDS {
        others_waits.push(to_bare.quiet(QUIET_PER_S, QUIET));
        own_waits.push(to_ours.quiet(QUIET_PER_S, QUIET));
    }
    let (own_p99, others_p99) = (p99(&own_waits), p99(&others_waits));
    let part = QUIET_ROUNDS / QUIET_PARTS;
    let parts = own_waits.chunks(part).zip(others_waits.chunks(part));
    let parts: Vec<_> = parts.map(|(own, others)| p99(own) / p99(others)).collect();
    let waits = own_p99 / others_p99;
    to_bare.connect_all(CONNECTIONS);
    to_ours.connect_all(CONNECTIONS);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        others.push(per_core(&mut to_bare, bare.process()));
        own.push(per_core(&mut to_ours, room.process()));
    }
    let speeds = ratios(&own, &others);
    vec![
        Row::fact(names.bare, format!("{:.0}", median(&others))),
        Row::fact(names.ours, format!("{:.0}", median(&own))),
        Row::judged(
            names.ratio,
            spread(&speeds),
            ">= 0.65 now, 0.8 in the end",
            Verdict::of(median(&speeds) >= 0.65),
        ),
        Row::fact(names.bare_wait, micros(others_p99)),
        Row::fact(names.own_wait, micros(own_p99)),
        Row::judged(
            names.wait,
            format!("{waits:.2} ({:.2}-{:.2})", least(&parts), most(&parts)),
            "<= 1.3",
            Verdict::of(waits <= 1.3),
        ),
    ]
}

/// What each round of ours was of the round of the other's before it.
fn ratios(own: &[f64], others: &[f64]) -> Vec<f64> {
    own.iter().zip(others).map(|(own, other)| own / other).collect()
}

fn spread(ratios: &[f64]) -> String {
    format!("{:.2} ({:.2}-{:.2})", median(ratios), least(ratios), most(ratios))
}

/// The time in seconds within which 99 of 100 answers of these rounds came.
fn p99(rounds: &[Vec<Duration>]) -> f64 {
    let mut waits = rounds.concat();
    waits.sort();
    waits[waits.len() * 99 / 100].as_secs_f64()
}

fn micros(seconds: f64) -> String {
    format!("{:.0} us", seconds * 1e6)
}

/// Requests that one round of full load gets from a second of the server's processor time.
fn per_core(load: &mut Load, server: Pinned) -> f64 {
    let before = server.processor_time();
    let answered = load.full(ROUND);
    assert!(
        answered > 0,
        "every account has asked as much as it may: make more of them"
    );
    answered as f64 / (server.processor_time() - before).as_secs_f64()
}
