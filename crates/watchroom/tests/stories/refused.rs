//! Starts that are refused: each says why and what to do, ends with its exit code, and loses nothing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;

use crate::room::{Ended, Room};

/// A room with alice in its memory and nothing that runs.
fn asleep() -> Room {
    let mut room = Room::with_alice();
    let (status, _) = room.signal(Signal::TERM);
    assert!(status.success());
    room
}

/// The same room is whole: it starts, alice is there, and the audit log is intact.
fn assert_nothing_lost(room: &mut Room) {
    room.start();
    room.done("user show alice");
    assert!(room.done("audit verify").contains("is intact"));
}

fn assert_says(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code(), Some(code), "{}", ended.errors);
    for part in parts {
        assert!(
            ended.errors.contains(part),
            "{part:?} is not in: {}",
            ended.errors
        );
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_key_that_was_meant() {
    let mut room = asleep();
    fs::write(room.configuration(), "[host]\nlisen = \"127.0.0.1:0\"\n").unwrap();
    let parts = ["watchroom.toml:2: host.lisen: unknown key; did you mean host.listen?"];
    assert_says(&room.refused_up(), 2, &parts);
    fs::write(room.configuration(), "").unwrap();
    assert_nothing_lost(&mut room);
}

#[test]
fn a_damaged_configuration_is_named_with_its_line_before_anything_is_made() {
    let room = Room::empty();
    fs::write(
        room.configuration(),
        "[shield]\nhsts = \"never\"\n\n[host\nlisten = 1\n",
    )
    .unwrap();
    assert_says(&room.refused_up(), 2, &["watchroom.toml:4"]);
    assert!(!room.state().exists());
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let mut room = asleep();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    let panel = room.run(&[
        "up",
        "--listen",
        &address,
        "--ops-listen",
        free,
        "--node-listen",
        free,
    ]);
    assert_says(&panel, 1, &[&address, "in use", "next step: ", "--listen"]);
    let ops = room.run(&[
        "up",
        "--listen",
        free,
        "--ops-listen",
        &address,
        "--node-listen",
        free,
    ]);
    assert_says(&ops, 1, &[&address, "--ops-listen"]);
    assert_nothing_lost(&mut room);
}

#[test]
fn a_state_folder_open_to_others_is_refused_with_the_command_that_mends_it() {
    let mut room = asleep();
    let state = room.state();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    assert_says(
        &room.refused_up(),
        1,
        &[&format!("chmod 700 {}", state.display())],
    );
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    assert_nothing_lost(&mut room);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let room = Room::empty();
    // Neither can be written by anybody, root included.
    let below_a_file = room.configuration().join("state");
    for state in [below_a_file.as_path(), Path::new("/proc/watchroom")] {
        let mut command = room.command();
        command.arg("--state").arg(state).arg("up");
        let mut arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        // The last --state is the one that counts, so the room's own is left out.
        arguments.drain(..2);
        let mut command = std::process::Command::new(command.get_program());
        command.args(arguments).env_clear();
        let ended = crate::room::ended(&mut command, "");
        assert_says(
            &ended,
            1,
            &[&state.display().to_string(), "cannot use the folder", "may write"],
        );
    }
}

#[test]
fn a_second_instance_on_the_same_state_is_refused_and_the_first_goes_on() {
    let room = Room::with_alice();
    let parts = [
        "another Watchroom host uses the state folder",
        "next step: stop it first, or give another --state",
    ];
    assert_says(&room.refused_up(), 1, &parts);
    room.done("user show alice");
    assert_eq!(room.stranger().get("/health").status, 200);
}

#[test]
fn a_given_certificate_that_cannot_be_served_is_refused_and_never_overwritten() {
    let mut room = asleep();
    let other = Room::empty();
    other.done("tls generate --key ecdsa-p256");
    let (certificate, key) = (
        room.state().join("ssl/server.crt"),
        room.state().join("ssl/server.key"),
    );
    let own = (fs::read(&certificate).unwrap(), fs::read(&key).unwrap());

    // An administrator's certificate with a key that is not its own; then two files that are neither.
    fs::copy(other.state().join("ssl/server.crt"), &certificate).unwrap();
    let given = fs::read(&certificate).unwrap();
    assert_says(&room.refused_up(), 1, &["server.crt cannot be served", "key"]);
    assert_eq!(
        (fs::read(&certificate).unwrap(), fs::read(&key).unwrap()),
        (given, own.1.clone())
    );
    fs::write(&certificate, "no certificate").unwrap();
    fs::write(&key, "no key").unwrap();
    assert_says(&room.refused_up(), 1, &["server."]);
    assert_eq!(
        (fs::read(&certificate).unwrap(), fs::read(&key).unwrap()),
        (b"no certificate".into(), b"no key".into())
    );
    assert_eq!(room.run(&["tls", "generate"]).code(), Some(1));

    fs::write(&certificate, own.0).unwrap();
    fs::write(&key, own.1).unwrap();
    assert_nothing_lost(&mut room);
}

#[test]
fn a_database_newer_than_the_program_is_refused_and_not_touched() {
    let mut room = asleep();
    let database = room.state().join("db/watchroom.db");
    let change = |statement: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.execute_batch(statement).unwrap();
    };
    change("INSERT INTO schema_version (version, name, applied_at) VALUES (4711, 'from the future', 0)");
    let before = fs::read(&database).unwrap();
    assert_says(
        &room.refused_up(),
        1,
        &[
            "watchroom.db",
            "has schema 4711",
            "run a Watchroom at least as new",
        ],
    );
    assert_eq!(fs::read(&database).unwrap(), before);
    change("DELETE FROM schema_version WHERE version = 4711");
    assert_nothing_lost(&mut room);
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let mut room = asleep();
    let key = room.state().join("keys/audit.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_says(&room.refused_up(), 1, &["audit.key", "chmod 600"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_nothing_lost(&mut room);
}

#[test]
fn a_key_of_access_tokens_that_is_short_well_known_or_open_is_refused_with_the_way_to_a_good_one() {
    let mut room = asleep();
    let file = room.path().join("access.key");
    let configuration = format!("[identity.jwt]\nkey_file = \"{}\"\n", file.display());
    fs::write(room.configuration(), configuration).unwrap();
    let write = |key: &str, mode: u32| {
        fs::write(&file, key).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let good = "Zb7rVq2mXk9tLw4nPc8sHd3gJf6yTa1e";
    for (key, mode, why) in [
        ("Zb7rVq2mXk9tLw4nPc8s", 0o600, "at least 32"),
        ("your-256-bit-secret-your-256-bit-secret", 0o600, "well-known"),
        (good, 0o644, "chmod 600"),
    ] {
        write(key, mode);
        let parts = ["identity.jwt.key_file", why];
        assert_says(&room.refused_up(), 2, &parts);
        assert_says(&room.run(&["config", "check"]), 2, &parts);
        let refused = room.refused_up();
        assert!(
            !refused.errors.contains(key),
            "the key is not told: {}",
            refused.errors
        );
    }
    write(good, 0o600);
    assert_nothing_lost(&mut room);
}

#[test]
fn switching_passwords_off_is_refused_while_no_administrator_has_another_way_in() {
    let mut room = asleep();
    fs::write(room.configuration(), "identity.methods.password = false\n").unwrap();
    let said = [
        "no administrator could sign in",
        "identity.methods.password = true",
        "passkeys",
    ];
    assert_says(&room.refused_up(), 2, &said);
    fs::write(
        room.configuration(),
        "[identity.methods]\npassword = false\npasskey = false\n",
    )
    .unwrap();
    assert_says(&room.refused_up(), 2, &said);
    fs::write(room.configuration(), "").unwrap();
    assert_nothing_lost(&mut room);
}
