//! Somebody looks at a demonstration, and ends it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::residents;
use crate::room::{Room, end_of, ended, wait_for};

/// The folder of the demonstration that runs in this room.
fn stage(room: &Room) -> Option<PathBuf> {
    let mut inside = fs::read_dir(room.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    inside.find(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("watchroom-demo-")
    })
}

#[test]
fn a_demonstration_shows_two_machines_with_servers_and_leaves_nothing() {
    let room = Room::empty();
    let said = fs::File::create(room.path().join("demo.out")).unwrap();
    let mut command = room.command();
    command.env("TMPDIR", room.path()).arg("demo").stdout(said);
    let mut demo = command.spawn().unwrap();
    let said = || fs::read_to_string(room.path().join("demo.out")).unwrap();
    wait_for("the demonstration is set", || {
        let end = demo.try_wait().unwrap();
        assert!(end.is_none(), "{end:?}: {}", said());
        said().contains("Ctrl-C ends all of it").then_some(())
    });
    assert!(said().contains("Sign in as  demo  with  Look-1-"), "{}", said());

    let stage_folder = stage(&room).unwrap();
    let list = |noun: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchroom"));
        command.arg("--state").arg(stage_folder.join("host"));
        let answer = ended(command.args(noun).args(["-o", "json"]), "");
        assert!(answer.status.success(), "{}", answer.errors);
        serde_json::from_str::<Value>(&answer.out).unwrap()["items"].clone()
    };
    let nodes = list(&["cluster", "nodes"]);
    assert_eq!(nodes.as_array().unwrap().len(), 2, "{nodes}");
    assert!(
        nodes
            .as_array()
            .unwrap()
            .iter()
            .all(|node| node["status"] == "online"),
        "{nodes}"
    );
    let servers = list(&["server", "list"]);
    let names: Vec<_> = servers
        .as_array()
        .unwrap()
        .iter()
        .map(|server| &server["name"])
        .collect();
    assert_eq!(names, ["clock", "parrot", "fog-horn", "moody"]);
    let clock = wait_for("the clock runs", || list(&["server", "list"])[0]["pid"].as_u64());

    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    assert_eq!(end_of(&mut demo).code(), Some(0));
    assert!(said().ends_with("Ended.\n"), "{}", said());
    assert!(!residents::is_alive(clock), "its servers end with it");
    assert_eq!(stage(&room), None, "its folder goes");
}
