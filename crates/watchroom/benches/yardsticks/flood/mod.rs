//! Floods, and what somebody who is signed in notices of them; and whether waiting tells names that exist from
//! names that do not.
//!
//! Quiet and flooded stretches take turns in one run, so that a busy machine moves both. Whoever floods comes from many
//! addresses: of this machine (all of 127.0.0.0/8 is), or named by a proxy that the program trusts.

mod attack;
mod names;
mod probe;

use std::time::Duration;

use attack::{Attack, Flood};
use probe::{Probe, Watched};

use crate::process;
use crate::room::Room;
use crate::table::{Row, Verdict};
use crate::{CLIENT_CORE, SERVER_CORE};

pub use names::names;

/// The proxy that the program trusts.
const PROXY: &str = "127.0.0.9";
/// Quiet and flooded stretches of each flood, and of the one whose limit is the closest: of the 400 answers of one stretch,
/// four are slower than what 99 of 100 keep.
const TURNS: usize = 3;
const HAMMERED_TURNS: usize = 10;
const QUIET: Duration = Duration::from_secs(4);
const FLOODED: Duration = Duration::from_secs(6);
/// Until what a flood left behind is forgotten.
const AFTERWARDS: Duration = Duration::from_secs(2);
/// Who hammers the sign-in.
const HAMMERS: usize = 50;
/// Connections of one slow attack.
const SLOW: usize = 4_000;
const MOST_MIB: u64 = 64;
const ENTERED_WITHIN: Duration = Duration::from_secs(2);
/// Sign-ins of somebody else in each stretch.
const ENTRIES: usize = 2;

/// Fifty who try passwords as fast as they are answered.
pub fn hammered() -> Vec<Row> {
    let (room, probe) = probed_room();
    room.hash_something();
    let resting = room.process().memory_kib("VmRSS");
    let mut entered = Vec::new();
    let mut most = resting;
    let (quiet, flooded, tried) = turns((&room, &probe), HAMMERED_TURNS, Attack::Hammer, || {
        for _ in 0..ENTRIES {
            entered.push(attack::enter(&room));
            most = most.max(room.process().memory_kib("VmRSS"));
        }
    });
    let grown = (most.saturating_sub(resting)) / 1024;
    let slowest = entered.iter().max().copied().unwrap_or_default();
    vec![
        Row::fact("sign-in attempts answered while hammered", tried.to_string()),
        noticed("50 clients hammer the sign-in", &quiet, &flooded, 1.5),
        Row::judged(
            "growth of memory while hammered",
            format!("{grown} MiB"),
            "<= 64 MiB",
            Verdict::of(grown <= MOST_MIB),
        ),
        Row::judged(
            "a person elsewhere signs in while hammered",
            format!("{slowest:.0?} (slowest of {})", entered.len()),
            "<= 2 s",
            Verdict::of(slowest <= ENTERED_WITHIN),
        ),
    ]
}

pub fn slow_headers() -> Vec<Row> {
    one("slow headers", Attack::SlowHeaders)
}

pub fn slow_bodies() -> Vec<Row> {
    one("slow bodies", Attack::SlowBodies)
}

pub fn slow_reads() -> Vec<Row> {
    one("slow reads", Attack::SlowReads)
}

pub fn held_back() -> Vec<Row> {
    one("answers held back over HTTP/2", Attack::HeldBack)
}

pub fn refused() -> Vec<Row> {
    one("10,000 refused requests a second", Attack::Refused)
}

fn one(what: &'static str, attack: Attack) -> Vec<Row> {
    let (room, probe) = probed_room();
    let (quiet, flooded, _) = turns((&room, &probe), TURNS, attack, || {});
    vec![noticed(what, &quiet, &flooded, 3.0)]
}

/// A room that trusts the proxy, and somebody in it who asks.
fn probed_room() -> (Room, Probe) {
    process::pin_to(SERVER_CORE);
    let room = Room::configured(&format!("[shield]\ntrusted_proxies = [\"{PROXY}\"]\n"));
    process::pin_to(CLIENT_CORE);
    let probe = Probe::new(&room);
    (room, probe)
}

/// Watches quiet and flooded stretches in turn; `meanwhile` is done in each flood.
fn turns(
    (room, probe): (&Room, &Probe),
    count: usize,
    attack: Attack,
    mut meanwhile: impl FnMut(),
) -> (Watched, Watched, usize) {
    let (mut quiet, mut flooded, mut done) = (Watched::default(), Watched::default(), 0);
    for _ in 0..count {
        quiet.add(probe.watch(QUIET, || {}));
        let flood = Flood::begin(room, attack);
        flooded.add(probe.watch(FLOODED, &mut meanwhile));
        done += flood.end();
        std::thread::sleep(AFTERWARDS);
    }
    (quiet, flooded, done)
}

/// What somebody who is signed in noticed, beside its limit.
fn noticed(what: &'static str, quiet: &Watched, flooded: &Watched, most: f64) -> Row {
    let ratio = flooded.p99().as_secs_f64() / quiet.p99().as_secs_f64();
    Row::judged(
        what,
        format!(
            "p99 {ratio:.2} times quiet ({:.2?} / {:.2?}), {} errors of {}",
            flooded.p99(),
            quiet.p99(),
            flooded.errors,
            flooded.asked()
        ),
        if most > 2.0 {
            "<= 3 times, 0 errors"
        } else {
            "<= 1.5 times, 0 errors"
        },
        Verdict::of(ratio <= most && flooded.errors == 0),
    )
}
