//! One person opens as many streams as they can: the node stays everybody's.

use crate::room::{Room, wait_for};
use crate::visitor::Visitor;

/// As many as one person may have open of each kind.
const MOST: usize = 16;

#[test]
fn one_persons_streams_are_counted_and_orders_pass_beside_them() {
    let room = Room::with_alice();
    let alice = room.stranger().with_token(&room.token_of("alice"));
    let id = room.create("busy", "echo here; while read line; do echo \"$line\"; done");
    room.done("server start busy");
    room.until_server("busy", "running");
    for path in [format!("/api/servers/{id}/console"), "/api/stream".to_owned()] {
        let held: Vec<_> = (0..MOST).map(|_| alice.listen(&path)).collect();
        let refused = alice.get(&path);
        assert_eq!(refused.status, 429, "{path}: {refused:?}");
        assert_eq!(refused.json()["type"], "/problems/too-many-viewers", "{path}");
        assert!(refused.header("retry-after").is_some());
        room.done("server restart busy");
        drop(held);
        // Their places come back soon after they have left.
        wait_for("a place", || {
            let mut wire = alice.begin_get(&path);
            (Visitor::status(&mut wire) == 200).then_some(())
        });
    }
}

#[test]
fn a_server_is_born_with_the_usual_limit_of_open_files_and_may_raise_it() {
    let room = Room::up();
    room.create("limits", "ulimit -Sn; ulimit -Hn");
    room.done("server start limits");
    let printed = wait_for("its two limits", || {
        let printed = room.printed("limits");
        (printed.len() == 2).then_some(printed)
    });
    let soft: u64 = printed[0].parse().unwrap();
    assert!(soft <= 1_024, "{printed:?}");
    let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let same = hard.map_or("unlimited".to_owned(), |hard| hard.to_string());
    assert_eq!(printed[1], same);
}
