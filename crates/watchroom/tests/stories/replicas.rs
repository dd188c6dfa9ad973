//! Two programs on one PostgreSQL database, one of which is killed under load.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use watchroom_testkit_postgres::TestDatabase;

use crate::room::{Room, end_of, wait_for};
use crate::visitor::Visitor;

/// Who asks each Host at the same time.
const ASKERS: usize = 4;
/// What must have been acknowledged by each before one is killed.
const ENOUGH: usize = 40;

/// A Host with a node of this name on the database. Others than the first are given its secrets.
fn host(database: &TestDatabase, name: &str, keys_of: Option<&Room>) -> Room {
    let mut room = Room::empty();
    let configuration = format!(
        "[store]\nurl = \"{}\"\n[node]\nname = \"{name}\"\n[shield.limits]\npresented = []\nsensitive = []\n",
        database.url()
    );
    fs::write(room.configuration(), configuration).unwrap();
    if let Some(first) = keys_of {
        let secrets = first.done("cluster replica secret");
        let kept = room.run_with(&["cluster", "replica", "prepare", "-"], &secrets);
        assert!(kept.status.success(), "{}", kept.errors);
    }
    room.start();
    room
}

fn listed(room: &Room, visitor: &Visitor) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut path = "/api/servers?limit=500".to_owned();
    loop {
        let page = visitor.get(&path).json();
        let items = page["items"]
            .as_array()
            .unwrap_or_else(|| panic!("{page}\n{}", room.log()));
        names.extend(
            items
                .iter()
                .map(|server| server["name"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/servers?limit=500&cursor={cursor}"),
            None => return names,
        }
    }
}

/// A folder and a configuration on the database; nothing runs, and there is no secret.
fn on(database: &TestDatabase) -> Room {
    let room = Room::empty();
    fs::write(
        room.configuration(),
        format!("[store]\nurl = \"{}\"\n", database.url()),
    )
    .unwrap();
    room
}

#[test]
fn a_host_without_the_secret_of_the_cluster_is_refused_with_the_command_that_gives_it() {
    let database = TestDatabase::fresh();
    let first = host(&database, "first", None);
    let secrets = first.done("cluster replica secret");
    let second = on(&database);
    let refused = |room: &Room| {
        let ended = room.refused_up();
        assert_eq!(ended.code(), Some(1), "{}", ended.errors);
        assert!(
            ended.errors.contains("watchroom cluster replica secret"),
            "{}",
            ended.errors
        );
        assert!(
            ended.errors.contains("watchroom cluster replica prepare"),
            "{}",
            ended.errors
        );
        ended.errors
    };
    refused(&second);
    let garbage = second.run_with(&["cluster", "replica", "prepare", "-"], "wr_cluster_x");
    assert_eq!(garbage.code(), Some(2), "{}", garbage.errors);
    // It has what signs the audit log, and another cluster's secret, or none.
    let kept = second.run_with(&["cluster", "replica", "prepare", "-"], &secrets);
    assert!(kept.status.success(), "{}", kept.errors);
    let file = second.state().join("keys/cluster.secret");
    let right = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(refused(&second).contains("whose secret is not on this machine"));
    fs::write(&file, right.replace(&right[20..24], "AAAA")).unwrap();
    let modes = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, modes).unwrap();
    assert!(refused(&second).contains("sealed under another secret"));
    assert!(
        !second.state().join("role.toml").exists(),
        "what was refused is nobody"
    );
    // No key of the CA is in the database in clear, nor in the state folder.
    let rows = database.ask("SELECT sealed FROM cluster_authorities");
    assert!(
        rows.contains("sealed_key") && !rows.contains("PRIVATE KEY"),
        "{rows}"
    );
    assert!(!first.state().join("keys/cluster-ca.key").exists());
    fs::write(&file, right).unwrap();
    let mut second = second;
    second.start();
    assert_eq!(second.authority(), first.authority());
}

#[test]
fn a_host_called_as_another_is_told_to_take_a_name_of_its_own() {
    let database = TestDatabase::fresh();
    let first = host(&database, "first", None);
    let second = Room::empty();
    fs::copy(first.configuration(), second.configuration()).unwrap();
    let secrets = first.done("cluster replica secret");
    let kept = second.run_with(&["cluster", "replica", "prepare", "-"], &secrets);
    assert!(kept.status.success(), "{}", kept.errors);
    let ended = second.refused_up();
    assert!(ended.errors.contains("is called first"), "{}", ended.errors);
    assert!(ended.errors.contains("node.name"), "{}", ended.errors);
}

#[test]
fn a_host_killed_in_the_middle_of_a_rotation_leaves_one_ca_to_both() {
    let database = TestDatabase::fresh();
    let mut first = host(&database, "first", None);
    let second = host(&database, "second", Some(&first));
    for delay_ms in [0, 5, 15, 40, 120] {
        let mut command = first.command();
        command.args(["cluster", "ca", "rotate"]);
        let mut rotation = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay_ms));
        first.kill();
        end_of(&mut rotation);
        first.start();
        // What it began, it began for both; what it did not is nowhere.
        wait_for("both sign with one CA", || {
            (first.authority() == second.authority()).then_some(())
        });
    }
    // And the one that was never killed ends it: nodes of both move, and the old CA retires.
    second.done("cluster ca rotate");
    wait_for("both have followed, each with its own node", || {
        let has = |room: &Room, name: &str| room.json(&format!("node show {name}"))["status"] == "online";
        (first.authority() == second.authority() && has(&first, "first") && has(&second, "second"))
            .then_some(())
    });
    wait_for("the old CA is gone from the database", || {
        (database.ask("SELECT count(*) FROM cluster_authorities").trim() == "1").then_some(())
    });
}

#[test]
fn nothing_acknowledged_is_lost_when_one_of_two_hosts_is_killed_under_load() {
    let database = TestDatabase::fresh();
    let mut first = host(&database, "first", None);
    let second = host(&database, "second", Some(&first));
    first.add_user("alice", "admin");
    let token = first.token_of("alice");
    let visitors = [&first, &second].map(|room| room.stranger().with_token(&token));
    wait_for("the other Host knows the token", || {
        (visitors[1].get("/api/servers").status == 200).then_some(())
    });

    let is_over = AtomicBool::new(false);
    let acknowledged = [(); 2].map(|()| Mutex::new(BTreeSet::new()));
    let count = |of: usize| acknowledged[of].lock().unwrap().len();
    std::thread::scope(|scope| {
        for (host, visitor) in visitors.iter().enumerate() {
            for asker in 0..ASKERS {
                let (is_over, kept) = (&is_over, &acknowledged[host]);
                scope.spawn(move || {
                    for turn in 0.. {
                        let name = format!("of-{host}-{asker}-{turn}");
                        let new = json!({ "name": name, "command": ["/bin/true"] });
                        match visitor.try_post("/api/servers", &new) {
                            Ok(201) => drop(kept.lock().unwrap().insert(name)),
                            // It was killed, or does not know yet whether it did it.
                            Ok(500..) | Err(_) => {}
                            Ok(other) => panic!("{name}: {other}"),
                        }
                        if is_over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                });
            }
        }
        wait_for("both have acknowledged enough", || {
            (count(0) >= ENOUGH && count(1) >= ENOUGH).then_some(())
        });
        first.kill();
        let before = count(1);
        wait_for("the other goes on", || {
            (count(1) >= before + ENOUGH).then_some(())
        });
        is_over.store(true, Ordering::Relaxed);
    });

    first.start();
    let kept: BTreeSet<_> = acknowledged
        .into_iter()
        .flat_map(|kept| kept.into_inner().unwrap())
        .collect();
    for room in [&first, &second] {
        let visitor = room.stranger().with_token(&token);
        let found = listed(room, &visitor);
        let lost: Vec<_> = kept.difference(&found).collect();
        assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), kept.len());
        assert!(room.done("audit verify").contains("is intact"));
    }
}
