//! The program is killed and started again, over and over: its servers notice nothing, and nothing of what they
//! print is lost or doubled.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::residents;
use crate::room::{Room, wait_for};

/// Servers that print.
const PRINTERS: usize = 5;
/// How often the program is killed. `make soak` asks for more.
const TIMES: usize = 20;
/// From the start of the program until it has all its servers back.
const ADOPTED_WITHIN: Duration = Duration::from_secs(2);
/// How much longer that may take in tests, which run unoptimised on busy machines.
const BUSY: u32 = 5;

/// Prints numbered lines, ten at a time, about two hundred a second.
const PRINTER: &str =
    "n=0; while :; do n=$((n+1)); echo \"line $n\"; [ $((n % 10)) = 0 ] && sleep 0.05; done";

/// The variables that `make soak` sets.
struct Scale {
    times: usize,
    is_strict: bool,
}

impl Scale {
    fn asked() -> Self {
        let times = std::env::var("WATCHROOM_SOAK")
            .ok()
            .and_then(|times| times.parse().ok());
        Self {
            times: times.unwrap_or(TIMES),
            is_strict: times.is_some(),
        }
    }

    fn patience(&self) -> Duration {
        if self.is_strict {
            ADOPTED_WITHIN
        } else {
            ADOPTED_WITHIN * BUSY
        }
    }
}

#[test]
fn servers_and_their_consoles_survive_every_kill_of_the_program() {
    let scale = Scale::asked();
    let mut room = Room::with_alice();
    let names: Vec<String> = (0..PRINTERS).map(|number| format!("printer-{number}")).collect();
    for name in &names {
        room.create(name, PRINTER);
        room.done(&format!("server start {name}"));
    }
    let before = names
        .iter()
        .map(|name| pid(&room.until_server(name, "running")))
        .collect::<Vec<_>>();

    let mut slowest = Duration::ZERO;
    for round in 0..scale.times {
        // Not always at the same moment of the program's life: also while it is still finding its servers.
        std::thread::sleep(Duration::from_millis(37 * (round as u64 % 7)));
        room.kill();
        assert!(
            before.iter().all(|pid| residents::is_alive(*pid)),
            "round {round}"
        );
        let began = Instant::now();
        room.start();
        wait_for("all servers are adopted", || {
            (running(&room, &names)? == before).then_some(())
        });
        slowest = slowest.max(began.elapsed());
    }
    println!("killed {} times, slowest adoption {slowest:?}", scale.times);

    for (name, pid) in names.iter().zip(before) {
        room.done(&format!("server stop {name}"));
        room.until_server(name, "stopped");
        assert!(!residents::is_alive(pid));
        let printed = room.printed(name);
        for (number, line) in (1..).zip(&printed) {
            assert_eq!(*line, format!("line {number}"), "{name}");
        }
        assert!(
            printed.len() > 10 * scale.times,
            "{name} printed only {} lines",
            printed.len()
        );
    }
    assert!(room.done("audit verify").contains("is intact"));
    // Last, so that a slow machine does not hide a loss.
    assert!(
        slowest < scale.patience(),
        "the slowest adoption took {slowest:?}"
    );
}

#[test]
fn an_end_that_nobody_saw_is_reported_with_its_code() {
    let mut room = Room::up();
    let wait = "while [ ! -e end ]; do sleep 0.05; done";
    let mortals = [
        ("leaves", format!("{wait}; exit 7"), 7),
        ("succeeds", format!("{wait}; exit 0"), 0),
        ("is-killed", format!("{wait}; kill -KILL $$"), 137),
    ];
    let mut ends = Vec::new();
    for (name, script, _) in &mortals {
        let id = room.create(name, script);
        room.done(&format!("server start {name}"));
        ends.push((
            room.state().join("servers").join(id).join("end"),
            pid(&room.until_server(name, "running")),
        ));
    }
    room.kill();
    for (file, pid) in &ends {
        fs::write(file, "").unwrap();
        wait_for("the server ended", || (!residents::is_alive(*pid)).then_some(()));
    }
    room.start();
    for (name, _, code) in mortals {
        let ended = wait_for("the end is reported", || {
            let server = room.json(&format!("server show {name}"));
            (server["status"] != "running" && server["stale"] == false && server["pid"].is_null())
                .then_some(server)
        });
        assert_eq!(ended["exit_code"], code, "{ended}");
        assert_eq!(
            ended["status"],
            if code == 0 { "stopped" } else { "failed" },
            "{ended}"
        );
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let mut room = Room::with_alice();
    for round in 0..3 {
        room.create(&format!("kept-{round}"), PRINTER);
        room.add_user(&format!("user-{round}"), "viewer");
        room.kill();
        room.start();
        let servers = room.json("server list")["items"].as_array().unwrap().len();
        assert_eq!(servers, round + 1);
        room.done(&format!("user show user-{round}"));
        assert!(room.done("audit verify").contains("is intact"));
    }
}

fn pid(server: &Value) -> u64 {
    server["pid"].as_u64().unwrap()
}

/// The processes of these servers, if all of them run as their node says now.
fn running(room: &Room, names: &[String]) -> Option<Vec<u64>> {
    let list = room.json("server list");
    let servers = list["items"].as_array().unwrap();
    let of = |name: &String| servers.iter().find(|server| server["name"] == name.as_str());
    let is_sure = |server: &&Value| server["status"] == "running" && server["stale"] == false;
    names
        .iter()
        .map(|name| of(name).filter(is_sure).map(pid))
        .collect()
}
