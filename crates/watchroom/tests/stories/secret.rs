//! Another secret for the cluster: everything goes on under it, a power cut in the middle loses nothing, and the old one
//! opens no door.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};
use watchroom::host::ClusterVault;
use watchroom_identity::{Place, Vault};
use watchroom_kit::{Ambient, ExposeSecret};
use watchroom_mail::Seal;
use watchroom_testkit_postgres::TestDatabase;

use crate::room::{Room, wait_for};

const SECRET: &str = "cluster.secret";
const NEXT: &str = "cluster.secret.next";

fn key(room: &Room, name: &str) -> PathBuf {
    room.state().join("keys").join(name)
}

fn keep(room: &Room, name: &str, text: &str) {
    fs::write(key(room, name), text).unwrap();
    fs::set_permissions(key(room, name), fs::Permissions::from_mode(0o600)).unwrap();
}

fn secret(room: &Room) -> String {
    fs::read_to_string(key(room, SECRET)).unwrap()
}

/// What the secret was before, which stays beside it.
fn before(room: &Room) -> String {
    let kept = fs::read_dir(room.state().join("keys")).unwrap();
    let kept = kept.map(|entry| entry.unwrap().path());
    let mut kept = kept.filter(|path| path.to_string_lossy().contains("cluster.secret.before-"));
    fs::read_to_string(kept.next().unwrap()).unwrap()
}

fn stop(room: &mut Room) {
    assert!(room.signal(Signal::TERM).0.success());
}

fn rotate(room: &Room) {
    let done = room.run(&["cluster", "secret", "rotate", "-y"]);
    assert!(done.status.success(), "{}", done.errors);
    assert!(done.out.contains("another secret"), "{}", done.out);
}

fn is_let_in(room: &Room, token: &str) -> bool {
    room.stranger().with_token(token).get("/api/nodes").status == 200
}

fn until_node_is_online(room: &Room) {
    wait_for("the node is online", || {
        let nodes = room.json("cluster nodes");
        (nodes["items"][0]["status"] == "online").then_some(())
    });
}

#[test]
fn everything_goes_on_under_another_secret_and_the_old_one_opens_nothing() {
    let mut room = Room::with_alice();
    let token = room.token_of("alice");
    let (ca, old) = (room.authority(), secret(&room));
    let refused = room.run(&["cluster", "secret", "rotate", "-y"]);
    assert_eq!(refused.code(), Some(1), "while a Host runs: {}", refused.errors);
    assert_eq!(secret(&room), old);

    stop(&mut room);
    let unasked = room.run(&["cluster", "secret", "rotate"]);
    assert_eq!(unasked.code(), Some(2), "nobody said yes: {}", unasked.errors);
    rotate(&room);
    assert_ne!(secret(&room), old);
    assert_eq!(before(&room), old);
    assert!(!key(&room, NEXT).exists());

    room.start();
    assert_eq!(room.authority(), ca, "nodes trust what they trusted");
    assert!(is_let_in(&room, &token));
    until_node_is_online(&room);
    let found = room.json("audit search --action cluster.secret.rotate");
    assert_eq!(found["items"][0]["extra"]["authorities"], 1, "{found}");
    assert_eq!(room.json("audit verify")["intact"], true);

    stop(&mut room);
    let new = secret(&room);
    keep(&room, SECRET, &old);
    let ended = room.refused_up();
    assert!(
        ended.errors.contains("sealed under another secret"),
        "{}",
        ended.errors
    );
    keep(&room, SECRET, &new);
    room.start();
    assert!(is_let_in(&room, &token));
}

#[test]
fn a_database_from_before_is_opened_by_the_secret_of_then_which_is_named() {
    let mut room = Room::with_alice();
    stop(&mut room);
    let file = room.state().join("db/watchroom.db");
    let backup = fs::read(&file).unwrap();
    let old = secret(&room);
    rotate(&room);
    for rest in ["-wal", "-shm"] {
        let rest = room.state().join(format!("db/watchroom.db{rest}"));
        if rest.exists() {
            fs::remove_file(rest).unwrap();
        }
    }
    fs::write(&file, backup).unwrap();
    let ended = room.refused_up();
    assert!(
        ended.errors.contains("cluster.secret.before-"),
        "{}",
        ended.errors
    );
    keep(&room, SECRET, &old);
    room.start();
}

#[test]
fn second_factors_and_letters_are_sealed_anew_too() {
    let mut room = Room::with_alice();
    stop(&mut room);
    let ambient = Ambient::system();
    let old = ClusterVault::open(&room.state(), &ambient).unwrap();
    let database = rusqlite::Connection::open(room.state().join("db/watchroom.db")).unwrap();
    let place = Place {
        table: "totp_factors",
        row: "phone",
        column: "seed",
    };
    let seed = Vault::seal(&*old, "first", place, &"a seed".into()).unwrap();
    let letter = Seal::seal(&*old, "letter", &"a link".into()).unwrap();
    database
        .execute(
            "INSERT INTO totp_factors (id, user_id, name, seed, last_step, created_at) \
             SELECT 'phone', id, 'phone', ?1, 0, 0 FROM users",
            [&seed],
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO letters (id, kind, recipient, content, is_blank, created_at) \
             VALUES ('letter', 'reset', 'alice@crew.example', ?1, 0, 0)",
            [&letter],
        )
        .unwrap();
    let done = room.run(&["cluster", "secret", "rotate", "-y", "-o", "json"]);
    assert!(done.status.success(), "{}", done.errors);
    let told: Value = serde_json::from_str(&done.out).unwrap();
    let wanted = json!({ "authorities": 1, "seeds": 1, "passkeys": 0, "letters": 1, "foreign": 0 });
    assert_eq!(told, wanted);

    let of = |sql: &str| -> String { database.query_row(sql, [], |row| row.get(0)).unwrap() };
    let (seed, letter) = (
        of("SELECT seed FROM totp_factors"),
        of("SELECT content FROM letters"),
    );
    let new = ClusterVault::open(&room.state(), &ambient).unwrap();
    assert_eq!(
        Vault::open(&*new, place, &seed).unwrap().expose_secret(),
        "a seed"
    );
    assert_eq!(
        Seal::open(&*new, "letter", &letter).unwrap().expose_secret(),
        "a link"
    );
    assert!(Vault::open(&*old, place, &seed).is_err());
    assert!(Seal::open(&*old, "letter", &letter).is_err());
    // The Host minds a row that is of no person's making.
    database
        .execute_batch("DELETE FROM totp_factors; DELETE FROM letters")
        .unwrap();
    drop(database);

    room.start();
    let found = room.json("audit search --action cluster.secret.rotate");
    let wanted = json!({ "authorities": 1, "seeds": 1, "bound": 0, "letters": 1, "foreign": 0 });
    assert_eq!(found["items"][0]["extra"], wanted);
}

#[test]
fn a_power_cut_on_either_side_of_the_commit_loses_nothing() {
    let mut room = Room::with_alice();
    let token = room.token_of("alice");
    let old = secret(&room);
    stop(&mut room);
    // Before: the next one lies there, and the database knows nothing of it.
    keep(&room, NEXT, &old.replace(&old[20..24], "AAAA"));
    room.start();
    assert!(is_let_in(&room, &token));
    assert_eq!(secret(&room), old);
    assert!(!key(&room, NEXT).exists());

    // After: the database has what is sealed under it, and it has not taken over.
    stop(&mut room);
    rotate(&room);
    let new = secret(&room);
    keep(&room, NEXT, &new);
    keep(&room, SECRET, &old);
    room.start();
    assert!(is_let_in(&room, &token));
    assert_eq!(secret(&room), new);
    assert!(!key(&room, NEXT).exists());
    until_node_is_online(&room);

    // And so does another rotation in place of the start.
    stop(&mut room);
    rotate(&room);
    let newest = secret(&room);
    keep(&room, NEXT, &newest);
    keep(&room, SECRET, &new);
    rotate(&room);
    assert_ne!(secret(&room), newest);
    room.start();
    assert!(is_let_in(&room, &token));
}

/// A Host that never ran, on the database, with a node of this name.
fn on(database: &TestDatabase, name: &str) -> Room {
    let room = Room::empty();
    let configuration = format!(
        "[store]\nurl = \"{}\"\n[node]\nname = \"{name}\"\n",
        database.url()
    );
    fs::write(room.configuration(), configuration).unwrap();
    room
}

fn carry(from: &Room, to: &Room) {
    let secrets = from.done("cluster replica secret");
    let kept = to.run_with(&["cluster", "replica", "prepare", "-"], &secrets);
    assert!(kept.status.success(), "{}", kept.errors);
}

#[test]
fn of_two_that_rotate_at_once_one_wins_at_most() {
    let database = TestDatabase::fresh();
    let (mut first, mut second) = (on(&database, "first"), on(&database, "second"));
    first.start();
    carry(&first, &second);
    first.add_user("alice", "admin");
    let token = first.token_of("alice");
    stop(&mut first);
    let rotate = |room: &Room| room.run(&["cluster", "secret", "rotate", "-y"]);
    let both = std::thread::scope(|scope| {
        let other = scope.spawn(|| rotate(&second));
        [rotate(&first), other.join().unwrap()]
    });
    let [first_won, second_won] = both.each_ref().map(|ended| ended.status.success());
    let told = both.each_ref().map(|ended| ended.errors.as_str()).join("\n");
    assert!(!(first_won && second_won), "{told}");
    if !first_won && !second_won {
        // Each has seen the other, and nothing was changed.
        assert_eq!(told.matches("other Hosts use this database").count(), 2, "{told}");
        assert_eq!(secret(&first), secret(&second));
    }
    let (winner, loser) = if second_won {
        (&mut second, &mut first)
    } else {
        (&mut first, &mut second)
    };
    if first_won || second_won {
        let refused = loser.refused_up();
        assert!(
            refused.errors.contains("sealed under another secret"),
            "{}",
            refused.errors
        );
    }
    winner.start();
    assert!(is_let_in(winner, &token));
}

#[test]
fn a_replica_is_refused_until_it_has_the_new_secret() {
    let database = TestDatabase::fresh();
    let (mut first, mut second) = (on(&database, "first"), on(&database, "second"));
    first.start();
    carry(&first, &second);
    second.start();
    first.add_user("alice", "admin");
    let token = second.token_of("alice");
    stop(&mut first);
    let refused = first.run(&["cluster", "secret", "rotate", "-y"]);
    assert_eq!(refused.code(), Some(1), "{}", refused.errors);
    assert!(
        refused.errors.contains("other Hosts use this database"),
        "{}",
        refused.errors
    );
    stop(&mut second);
    rotate(&first);
    let ended = second.refused_up();
    assert!(
        ended.errors.contains("cluster replica secret"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("--replace"), "{}", ended.errors);
    let secrets = first.done("cluster replica secret");
    let unasked = second.run_with(&["cluster", "replica", "prepare", "-"], &secrets);
    assert_eq!(unasked.code(), Some(1), "{}", unasked.errors);
    assert!(unasked.errors.contains("--replace"), "{}", unasked.errors);
    let kept = second.run_with(&["cluster", "replica", "prepare", "--replace", "-"], &secrets);
    assert!(kept.status.success(), "{}", kept.errors);
    assert_eq!(secret(&second), secret(&first));
    first.start();
    second.start();
    assert!(is_let_in(&first, &token) && is_let_in(&second, &token));
}
