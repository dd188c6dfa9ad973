//! How fast the program starts on an existing store, and what it holds when nothing happens.

use std::time::{Duration, Instant};

use crate::load;
use crate::room::Room;
use crate::table::{Row, Verdict};

/// Starts that are timed.
const STARTS: usize = 7;
/// Until what the start needed has been given back.
const RESTING: Duration = Duration::from_secs(12);
/// Over which resting is watched.
const WATCHED: Duration = Duration::from_secs(10);
const MOST_KIB: u64 = 60 * 1024;

pub fn start_and_rest() -> Vec<Row> {
    let mut room = Room::up();
    let client = room.client();
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        room.stop();
        let began = Instant::now();
        room.start();
        load::until_healthy(&client, &room.authority());
        starts.push(began.elapsed());
        room.until_ready();
    }
    starts.sort();
    let (usual, slowest) = (starts[STARTS / 2], starts[STARTS - 1]);
    // What hashing a password needs must not stay either.
    room.hash_something();
    std::thread::sleep(RESTING);
    let process = room.process();
    let (resident, own) = (process.memory_kib("VmRSS"), process.memory_kib("RssAnon"));
    let before = process.processor_time();
    std::thread::sleep(WATCHED);
    let idle = (process.processor_time() - before).as_secs_f64() / WATCHED.as_secs_f64() * 100.0;
    vec![
        Row::judged(
            "start to the first /health, existing store",
            format!("{usual:.0?} (slowest of {STARTS}: {slowest:.0?})"),
            "<= 1 s now, 150 ms in the end",
            Verdict::of(slowest <= Duration::from_secs(1)),
        ),
        Row::judged(
            "resident memory at rest, Host and node (own pages)",
            format!("{} MB ({} MB)", resident / 1024, own / 1024),
            "<= 60 MB",
            Verdict::of(resident <= MOST_KIB),
        ),
        Row::fact("processor time at rest", format!("{idle:.2} %")),
    ]
}
