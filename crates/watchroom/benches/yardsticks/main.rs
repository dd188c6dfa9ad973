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
mod flood;
mod guarded;
mod heartbeats;
mod load;
mod nodes;
mod process;
mod rest;
mod room;
mod table;

use table::Row;

/// The core of the servers, and that of everything that asks.
const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;
/// A part of the table by its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

/// What can be measured alone, by how its name begins: `cargo bench --bench yardsticks -- guarded`.
const PARTS: &[Part] = &[
    ("rest", rest::start_and_rest),
    ("guarded", guarded::guarded),
    ("heartbeats", heartbeats::heartbeats),
    ("returning", heartbeats::returning),
    ("flood-hammer", flood::hammered),
    ("flood-headers", flood::slow_headers),
    ("flood-bodies", flood::slow_bodies),
    ("flood-reads", flood::slow_reads),
    ("flood-held-back", flood::held_back),
    ("flood-refused", flood::refused),
    ("names", flood::names),
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
        if part.is_none_or(|part| name.starts_with(part)) {
            rows.extend(measure());
        }
    }
    table::print(&rows);
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
