//! The yardsticks that this release is measured by, as a table: `make bench`.
//!
//! A guarded request is compared with a bare hyper server on the same core in the same run, by requests per
//! second of processor time, so that a busy or slow machine moves both. Nothing of the guard is switched off
//! for it: many accounts ask, each within the limits of its role.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be made ends the run"
)]
#![expect(clippy::indexing_slicing, reason = "an answer without its parts ends the run")]
#![expect(clippy::panic, reason = "a measurement that cannot be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what is asked for")]
#![expect(
    clippy::disallowed_methods,
    reason = "what is measured is the real clock's time"
)]

mod bare;
mod heartbeats;
mod load;
mod process;
mod rest;
mod room;
mod table;

use std::time::Duration;

use load::{Load, Requests};
use process::Pinned;
use room::Room;
use table::{Row, Verdict};

/// The core of the servers, and that of everything that asks.
const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;
/// Rounds of each server, in turn.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(500);
/// Connections that ask one thing after the other.
const CONNECTIONS: usize = 32;
/// The quiet load under which waiting is measured, and for how long.
const QUIET_PER_S: u32 = 300;
const QUIET: Duration = Duration::from_secs(8);

/// A part of the table by its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

/// What can be measured alone: `cargo bench --bench yardsticks -- guarded`.
const PARTS: &[Part] = &[
    ("rest", rest::start_and_rest),
    ("guarded", guarded),
    ("heartbeats", heartbeats::heartbeats),
];

fn main() {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(bare::COMMAND) => bare::serve(&arguments[1..]),
        // `cargo test --benches` and test runners only want to know whether it runs.
        Some("--list" | "--test") => {}
        _ => measure(
            arguments
                .iter()
                .find(|argument| !argument.starts_with('-'))
                .map(String::as_str),
        ),
    }
}

/// Measures all, or the part that is named.
fn measure(part: Option<&str>) {
    if std::thread::available_parallelism().unwrap().get() < 2 {
        println!("the yardsticks need two cores: one for the servers, one for who asks");
        return;
    }
    let mut rows = Vec::new();
    for (name, measure) in PARTS {
        if part.is_none_or(|part| part == *name) {
            rows.extend(measure());
        }
    }
    table::print(&rows);
}

/// `GET /api/nodes` with a token, through the whole stack, beside a bare hyper server with the same body.
fn guarded() -> Vec<Row> {
    process::pin_to(SERVER_CORE);
    let room = Room::up();
    process::pin_to(CLIENT_CORE);
    let per_round = 40_000;
    let tokens = room.tokens(ROUNDS * per_round / room::REQUESTS_PER_TOKEN + 4);
    let ours = Requests::with_tokens(&room.authority(), "/api/nodes", &tokens);
    let body = load::body_of(&room.client(), &ours);
    process::pin_to(SERVER_CORE);
    let bare = bare::Bare::start(&room, &body);
    process::pin_to(CLIENT_CORE);
    let plain = Requests::without_tokens(&bare.authority, "/api/nodes");

    let mut to_ours = Load::new(room.client(), ours);
    let mut to_bare = Load::new(bare.client.clone(), plain);
    let quiet_bare = to_bare.quiet(QUIET_PER_S, QUIET);
    let quiet_ours = to_ours.quiet(QUIET_PER_S, QUIET);
    to_bare.connect_all(CONNECTIONS);
    to_ours.connect_all(CONNECTIONS);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        others.push(per_core(&mut to_bare, bare.process()));
        own.push(per_core(&mut to_ours, room.process()));
    }
    let ratios: Vec<f64> = own.iter().zip(&others).map(|(own, other)| own / other).collect();
    vec![
        Row::fact(
            "bare hyper, TLS 1.3, requests per second of processor time",
            format!("{:.0}", median(&others)),
        ),
        Row::fact("guarded request, the same", format!("{:.0}", median(&own))),
        Row::judged(
            "guarded request / bare hyper (rounds apart)",
            format!(
                "{:.2} ({:.2}-{:.2})",
                median(&ratios),
                least(&ratios),
                most(&ratios)
            ),
            ">= 0.5 now, 0.8 in the end",
            Verdict::of(median(&ratios) >= 0.5),
        ),
        Row::judged(
            "p99 at 300/s, ours / bare hyper's",
            format!(
                "{:.2} ({:.2?} / {:.2?})",
                quiet_ours.as_secs_f64() / quiet_bare.as_secs_f64(),
                quiet_ours,
                quiet_bare
            ),
            "<= 1.3",
            Verdict::of(quiet_ours.as_secs_f64() <= 1.3 * quiet_bare.as_secs_f64()),
        ),
    ]
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

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(values: &[f64]) -> f64 {
    sorted(values)[values.len() / 2]
}

fn least(values: &[f64]) -> f64 {
    sorted(values)[0]
}

fn most(values: &[f64]) -> f64 {
    sorted(values)[values.len() - 1]
}
