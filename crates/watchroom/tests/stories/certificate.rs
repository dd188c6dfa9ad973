//! The panel's certificate while the Host runs: replaced by an administrator, and made again.

use std::fs;
use std::path::PathBuf;

use crate::room::{Room, wait_for};
use crate::visitor::Visitor;

const FILES: [&str; 2] = ["server.key", "server.crt"];

fn ssl(room: &Room) -> PathBuf {
    room.state().join("ssl")
}

fn until_logged(room: &Room, words: &str) {
    wait_for(words, || room.log().contains(words).then_some(()));
}

#[test]
fn a_given_certificate_is_served_at_once_and_open_connections_go_on() {
    let room = Room::up();
    // Another machine's pair stands for what a public authority signed.
    let other = Room::empty();
    other.done("tls generate --key ecdsa-p256");
    let before = room.stranger();
    let mut open = before.connect();
    assert_eq!(before.get_on(&mut open, "/health").status, 200);

    for file in FILES {
        fs::copy(ssl(&other).join(file), ssl(&room).join(file)).unwrap();
    }
    until_logged(&room, "certificate that was put into its folder");
    let after = Visitor::new(&room.endpoint("panel"), &other.state().join("keys/panel-ca.crt"));
    assert_eq!(after.get("/health").status, 200);
    assert_eq!(before.get_on(&mut open, "/health").status, 200);

    let refused = room.run(&["tls", "generate"]);
    assert_eq!(refused.code(), Some(1));
    for file in FILES {
        assert_eq!(
            fs::read(ssl(&other).join(file)).unwrap(),
            fs::read(ssl(&room).join(file)).unwrap(),
            "{file} was written over"
        );
    }
}

#[test]
fn a_pair_that_does_not_match_is_named_and_the_one_before_served_on() {
    let room = Room::up();
    let served = room.stranger().certificate();
    let (one, two) = (Room::empty(), Room::empty());
    for other in [&one, &two] {
        other.done("tls generate --key ecdsa-p256");
    }
    fs::copy(ssl(&one).join("server.crt"), ssl(&room).join("server.crt")).unwrap();
    fs::copy(ssl(&two).join("server.key"), ssl(&room).join("server.key")).unwrap();
    until_logged(&room, "the panel is served with the certificate it had");
    assert!(room.log().contains("does not belong to"));
    assert_eq!(room.stranger().certificate(), served);
}

#[test]
fn a_certificate_that_is_made_anew_is_served_without_a_restart() {
    let room = Room::up();
    let visitor = room.stranger();
    let first = visitor.certificate();
    room.done("tls generate --key ecdsa-p256");
    let second = wait_for("the new certificate is served", || {
        let shown = visitor.certificate();
        (shown != first).then_some(shown)
    });
    for file in FILES {
        fs::remove_file(ssl(&room).join(file)).unwrap();
    }
    wait_for("another is made where there is none", || {
        (visitor.certificate() != second).then_some(())
    });
    assert!(FILES.iter().all(|file| ssl(&room).join(file).exists()));
}
