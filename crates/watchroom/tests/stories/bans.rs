//! Bans by the command line on the Host's own machine, which works even when nobody can sign in.

use rustix::process::Signal;
use serde_json::Value;

use crate::room::Room;

fn bans(room: &Room) -> Vec<Value> {
    let listed = room.json("ban list");
    listed["items"].as_array().unwrap().clone()
}

#[test]
fn a_ban_outlives_a_restart_and_is_lifted_by_its_address() {
    let mut room = Room::up();
    room.done("ban add 198.51.100.7 --for 4h --reason scans");
    assert!(room.signal(Signal::TERM).0.success());
    room.start();
    let listed = bans(&room);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["network"], "198.51.100.7/32");
    assert_eq!(listed[0]["status"], "active");
    room.done("ban lift 198.51.100.7");
    assert!(bans(&room).is_empty());
    let again = room.run(&["ban", "lift", "198.51.100.7"]);
    assert_eq!(again.code(), Some(1), "{}", again.errors);
}

#[test]
fn root_lifts_a_ban_that_keeps_everybody_from_signing_in() {
    let room = Room::up();
    room.done("ban add 127.0.0.0/8 --from sign-in --reason slip");
    assert_eq!(bans(&room)[0]["status"], "held");
    assert_eq!(
        room.stranger().get("/setup").status,
        200,
        "held, so nobody is hit"
    );
    room.done("ban confirm 127.0.0.0/8");
    assert_eq!(room.stranger().get("/setup").status, 403);
    assert_eq!(room.stranger().get("/health").status, 200);
    room.done("ban lift 127.0.0.0/8");
    assert_eq!(room.stranger().get("/setup").status, 200);
}
