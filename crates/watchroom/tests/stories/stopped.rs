//! The program is asked to stop: it does, in time, whoever is connected; servers go on.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rustix::process::Signal;

use crate::residents;
use crate::room::Room;

/// From the signal to the end of the process.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);
/// What an open WebSocket is closed with: 1012, and why.
const GOODBYE: &[u8] = b"\x88\x0f\x03\xf4shutting down";
const PATIENT: &str = "echo here; while read line; do echo \"$line\"; done";

#[test]
fn it_stops_within_five_seconds_and_its_servers_go_on() {
    let mut room = Room::with_alice();
    let alice = room.stranger().with_token(&room.token_of("alice"));
    let mut processes = Vec::new();
    for name in ["one", "two"] {
        room.create(name, PATIENT);
        room.done(&format!("server start {name}"));
        processes.push(room.until_server(name, "running")["pid"].as_u64().unwrap());
    }
    let id = room.json("server show one")["id"].as_str().unwrap().to_owned();
    let mut changes = alice.listen("/api/stream");
    let mut socket = alice.open_socket();
    let mut console = alice.listen(&format!("/api/servers/{id}/console"));
    let _slow = alice.begin_post("/api/servers", 1_000);
    let _silent = alice.connect();

    let (status, took) = room.signal(Signal::TERM);
    assert_eq!(status.code(), Some(0), "{status:?} {:?}", status.signal());
    assert!(took < STOPPED_WITHIN, "it took {took:?}");
    assert!(
        room.said()
            .contains("Stopped. 2 servers go on running; the next start finds them."),
        "{}",
        room.said()
    );
    assert!(!room.state().join("run/endpoints.json").exists());
    assert!(!room.state().join("run/host.sock").exists());
    assert!(processes.iter().all(|process| residents::is_alive(*process)));
    let mut told = Vec::new();
    let _end = socket.read_to_end(&mut told);
    assert_eq!(told, GOODBYE, "{}", told.escape_ascii());
    for stream in [&mut changes, &mut console] {
        // However the stream ends, it has ended.
        let _end = stream.read_to_end(&mut Vec::new());
    }

    room.start();
    assert!(
        room.said().contains("2 servers still run from before."),
        "{}",
        room.said()
    );
    for (name, process) in ["one", "two"].iter().zip(processes) {
        assert_eq!(room.until_server(name, "running")["pid"], process);
    }
    room.done("server stop one");
    let (status, _) = room.signal(Signal::INT);
    assert_eq!(status.code(), Some(0));
    assert!(
        room.said().contains("Stopped. 1 server goes on running"),
        "{}",
        room.said()
    );
}

#[test]
fn what_a_kill_left_behind_misleads_nobody() {
    let mut room = Room::up();
    let before = room.endpoint("panel");
    room.kill();
    assert!(room.state().join("run/endpoints.json").exists());
    let client = room.run(&["server", "list"]);
    assert_eq!(client.code(), Some(4), "{}", client.errors);
    assert!(client.errors.contains("watchroom up"), "{}", client.errors);
    // The port that it had is another's by now, as the system hands it out again: a client that still believed the
    // old list would meet a stranger there. If somebody else was quicker, it is theirs all the same.
    let (_, address) = before.split_once("//").unwrap();
    let _another = TcpListener::bind(address);
    room.start();
    assert_ne!(before, room.endpoint("panel"));
    room.done("server list");
}

#[test]
fn a_server_stopped_by_a_person_stays_stopped_over_a_restart() {
    let mut room = Room::up();
    room.create("quiet", PATIENT);
    room.done("server start quiet");
    room.until_server("quiet", "running");
    room.done("server stop quiet");
    room.signal(Signal::TERM);
    room.start();
    let server = room.until_server("quiet", "stopped");
    assert!(
        server["reason"]
            .as_str()
            .unwrap()
            .contains("stopped by root (local)"),
        "{server}"
    );
    assert!(fs::exists(room.state().join("servers")).unwrap());
}

#[test]
fn a_stop_during_the_start_is_heard() {
    let mut room = Room::up();
    room.signal(Signal::TERM);
    for _ in 0..5 {
        room.start();
        // At the very moment it says that it is up.
        let (status, took) = room.signal(Signal::TERM);
        assert_eq!(status.code(), Some(0), "{status:?}");
        assert!(took < STOPPED_WITHIN, "it took {took:?}");
        assert!(!room.state().join("run/endpoints.json").exists());
    }
}
