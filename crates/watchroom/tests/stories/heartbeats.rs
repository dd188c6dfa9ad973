//! A machine without an agent says that it is there, with nothing but curl: as the documentation shows it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::room::{Ended, Room, ended, wait_for};

const DOCUMENT: &str = include_str!("../../../../docs/heartbeats.md");

/// The commands of the documentation, with the machine and the Host of this story.
fn script(state: &str, port: &str) -> String {
    let (_, rest) = DOCUMENT.split_once("```sh\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let (_, commands) = block.split_once('\n').unwrap();
    format!("set -e\nSTATE={state} HOST=127.0.0.1 PORT={port}\n{commands}")
}

/// Runs commands in a folder of the machine, with our program on the path.
fn sh(machine: &Room, script: &str) -> Ended {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_watchroom"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).current_dir(machine.path());
    ended(command.env_clear().env("PATH", path), "")
}

/// A machine that joined the Host as this node.
pub fn joined(host: &Room, name: &str) -> Room {
    let invitation = host.json("cluster token create --auto-approve");
    let machine = Room::empty();
    let url = invitation["join_url"].as_str().unwrap();
    let ended = machine.run_with(&["join", "--name", name, "-"], url);
    assert!(ended.status.success(), "{}", ended.errors);
    machine
}

fn port(host: &Room) -> String {
    host.endpoint("panel").rsplit(':').next().unwrap().to_owned()
}

/// The slug of the problem that curl was answered with.
fn refused(ended: &Ended) -> String {
    assert!(!ended.status.success(), "{}", ended.out);
    let problem: Value =
        serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{} {}", ended.out, ended.errors));
    let slug = problem["type"].as_str().unwrap().rsplit(['/', '#', ':']).next();
    slug.unwrap().to_owned()
}

#[test]
fn curl_with_the_nodes_certificate_says_that_the_machine_is_there_and_others_are_refused_by_name() {
    let (host, another) = (Room::up(), Room::up());
    let (buoy, foreign) = (joined(&host, "buoy"), joined(&another, "foreign"));
    let state = |machine: &Room| machine.state().display().to_string();
    let commands = script(&state(&buoy), &port(&host));
    assert_eq!(host.json("node show buoy")["status"], "offline");
    let heard = sh(&buoy, &commands);
    assert!(heard.status.success(), "{} {}", heard.out, heard.errors);
    wait_for("it is online", || {
        (host.json("node show buoy")["status"] == "online").then_some(())
    });

    // Behind this door there is nothing else, and without a certificate there is nobody.
    let elsewhere = commands.replace("/api/cluster/heartbeat", "/api/nodes");
    assert_eq!(refused(&sh(&buoy, &elsewhere)), "wrong-door");
    let nobody = commands.replace("--cert node.crt --key \"$STATE/keys/node.key\"", "");
    assert_eq!(refused(&sh(&buoy, &nobody)), "node-credential-invalid");

    // A node of another cluster trusts our Host for once, and shows what it has.
    let authorities = buoy.done("node certificate --authorities");
    fs::write(foreign.path().join("ours.crt"), authorities).unwrap();
    let name = buoy.done("node certificate --host-name");
    let other = script(&state(&foreign), &port(&host))
        .replace("--cacert cluster-ca.crt", "--cacert ours.crt")
        .replace("\nNAME=", &format!("\nNAME={} IGNORED=", name.trim()));
    let foreign = sh(&foreign, &other);
    assert_eq!(refused(&foreign), "node-certificate-invalid");
    assert!(foreign.out.contains("of another cluster"), "{}", foreign.out);

    host.done("-y cluster revoke buoy");
    let revoked = sh(&buoy, &commands);
    assert_eq!(refused(&revoked), "node-not-admitted");
    assert!(revoked.out.contains("it is revoked"), "{}", revoked.out);
}
