//! Keys for which there is no use in the end: none stays behind in the module.

use std::fs;
use std::os::unix::fs::DirBuilderExt;

use crate::room::Room;

use super::{Token, configure, room_with, section, stop, until_online};

#[test]
fn a_key_for_which_there_is_no_use_leaves_the_module_again() {
    let (mut room, token) = room_with("");
    let before = token.keys();
    stop(&mut room);
    // As a full disk would: the certificate's folder takes no file.
    let mark = room.state().join("ssl/made-by-watchroom.json");
    fs::remove_file(&mark).unwrap();
    fs::create_dir(&mark).unwrap();
    fs::remove_file(room.state().join("ssl/server.key")).unwrap();
    fs::remove_file(room.state().join("ssl/server.crt")).unwrap();
    configure(&room, &section(&token, "panel_certificate = true"));
    let ended = room.refused_up();
    assert!(
        ended.errors.contains("made-by-watchroom.json"),
        "{}",
        ended.errors
    );
    assert_eq!(token.keys(), before);
}

#[test]
fn a_host_that_cannot_found_its_cluster_leaves_no_key_however_often_it_is_started() {
    let mut room = Room::empty();
    // A command that needs a cluster makes the database, and finds none in it.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(room.state().join("keys"))
        .unwrap();
    room.run(&["role-file", "repair", "--from", "database"]);
    let database = || rusqlite::Connection::open(room.state().join("db/watchroom.db")).unwrap();
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON cluster_authorities \
                  BEGIN SELECT RAISE(ABORT, 'no room'); END";
    database().execute_batch(refuse).unwrap();
    let token = Token::of(&room);
    room.set("SOFTHSM2_CONF", &token.configuration());
    configure(&room, &section(&token, ""));
    for _ in 0..2 {
        let ended = room.refused_up();
        assert!(
            ended.errors.contains("cannot be read or kept"),
            "{}",
            ended.errors
        );
        assert_eq!(token.keys(), 0);
    }
    let database = rusqlite::Connection::open(room.state().join("db/watchroom.db")).unwrap();
    database.execute_batch("DROP TRIGGER full").unwrap();
    drop(database);
    room.start();
    until_online(&room);
}

#[test]
fn a_rotation_that_the_database_refuses_leaves_no_key() {
    let (mut room, token) = room_with("");
    let before = token.keys();
    stop(&mut room);
    let database = rusqlite::Connection::open(room.state().join("db/watchroom.db")).unwrap();
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON cluster_authorities \
                  BEGIN SELECT RAISE(ABORT, 'no room'); END";
    database.execute_batch(refuse).unwrap();
    drop(database);
    room.start();
    let rotated = room.run(&["cluster", "ca", "rotate"]);
    assert!(!rotated.status.success(), "{}", rotated.out);
    assert_eq!(token.keys(), before);
}
