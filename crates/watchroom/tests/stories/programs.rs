//! Programs that sign in by name and password: with nothing but curl, as the documentation shows it, and across a crash.

use std::process::Command;

use serde_json::{Value, json};

use crate::room::{Ended, PASSWORD, Room, ended};

const DOCUMENT: &str = include_str!("../../../../docs/programs.md");

/// The commands of the documentation, one string for each of its blocks, with the Host of this story.
fn blocks(room: &Room) -> Vec<String> {
    let panel = room.endpoint("panel");
    let authority = room.state().join("keys/panel-ca.crt");
    let blocks = DOCUMENT.split("```sh\n").skip(1);
    let mut blocks: Vec<String> = blocks
        .map(|block| block.split_once("```").unwrap().0.to_owned())
        .collect();
    let (_, rest) = blocks[0].split_once('\n').unwrap();
    blocks[0] = format!(
        "set -e\numask 077\nPANEL={panel} CA={} NAME=vera\n{rest}",
        authority.display()
    );
    blocks
}

/// Runs commands in a folder of the room, as somebody does who knows the password.
fn sh(room: &Room, script: &str) -> Ended {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).current_dir(room.path());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    ended(command.env("PASSWORD", PASSWORD), "")
}

#[test]
fn a_program_signs_in_goes_on_and_signs_out_with_curl_as_documented() {
    let room = Room::up();
    room.add_user("vera", "viewer");
    let blocks = blocks(&room);
    assert_eq!(blocks.len(), 3);
    let all = sh(&room, &blocks.join("\n"));
    assert!(all.status.success(), "{} {}", all.out, all.errors);
    let me: Value = serde_json::from_str(&all.out).unwrap_or_else(|error| panic!("{error}: {}", all.out));
    assert_eq!((&me["name"], &me["via"]), (&json!("vera"), &json!("program")));
    // Whoever shows the token again that was used before is refused, and all that came of it ends.
    let twice = format!(
        "{}cp tokens.json before.json\n{}cp before.json tokens.json\n{}",
        blocks[0], blocks[1], blocks[1]
    );
    let twice = sh(&room, &twice);
    assert!(!twice.status.success());
    let sessions = room.json("session list vera");
    assert_eq!(sessions["items"], json!([]));
}

#[test]
fn what_was_ended_stays_ended_when_the_program_is_killed_right_after_the_answer() {
    let mut room = Room::up();
    room.add_user("vera", "viewer");
    room.add_user("walt", "viewer");
    let granted = |room: &Room, name: &str| {
        let asked = json!({ "username": name, "password": PASSWORD });
        let answer = room.stranger().post("/api/auth/token", &asked);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let status = |room: &Room, granted: &Value| {
        let token = granted["access_token"].as_str().unwrap();
        room.stranger().with_token(token).get("/api/auth/me").status
    };
    let (signed_out, used, lasting) = (
        granted(&room, "vera"),
        granted(&room, "vera"),
        granted(&room, "vera"),
    );
    let disabled = granted(&room, "walt");
    let refresh = json!({ "refresh_token": used["refresh_token"] });
    assert_eq!(room.stranger().post("/api/auth/token", &refresh).status, 200);
    room.done("-y user disable walt");
    let token = signed_out["access_token"].as_str().unwrap();
    let vera = room.stranger().with_token(token);
    assert_eq!(
        vera.ask("DELETE /api/auth/token", "application/json", "").status,
        204
    );
    room.kill();
    room.start();
    assert_eq!(status(&room, &lasting), 200, "what nobody ended goes on");
    assert_eq!(status(&room, &signed_out), 401);
    assert_eq!(status(&room, &disabled), 401);
    assert_eq!(status(&room, &used), 200);
    assert_eq!(room.stranger().post("/api/auth/token", &refresh).status, 401);
    assert_eq!(status(&room, &used), 401, "a token came twice");
}
