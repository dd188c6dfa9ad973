//! Two programs on one PostgreSQL database, one of which is killed under load.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use watchroom_testkit_postgres::TestDatabase;

use crate::room::{Room, wait_for};
use crate::visitor::Visitor;

/// Who asks each Host at the same time.
const ASKERS: usize = 4;
/// What must have been acknowledged by each before one is killed.
const ENOUGH: usize = 40;

/// A Host with a node of this name on the database. Others than the first have the keys of the first.
fn host(database: &TestDatabase, name: &str, keys_of: Option<&Room>) -> Room {
    let mut room = Room::empty();
    let configuration = format!(
        "[store]\nurl = \"{}\"\n[node]\nname = \"{name}\"\n[shield.limits]\npresented = []\nsensitive = []\n",
        database.url()
    );
    fs::write(room.configuration(), configuration).unwrap();
    if let Some(first) = keys_of {
        watchroom_kit::files::private_folder(&room.state().join("keys")).unwrap();
        for key in fs::read_dir(first.state().join("keys")).unwrap().flatten() {
            if key.file_name() != "node.key" {
                fs::copy(key.path(), room.state().join("keys").join(key.file_name())).unwrap();
            }
        }
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
