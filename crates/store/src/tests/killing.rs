use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;

use sea_orm::EntityTrait;
use watchroom_kit::{Ambient, Tasks};

use super::Room;
use super::rows::nodes;
use crate::Store;

/// Acknowledgements to wait for before killing; the rest is under way at that moment.
const ENOUGH: usize = 400;

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    if let Some(state) = super::as_child() {
        return super::runtime().block_on(write_until_killed(&state));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = super::child(
        "tests::killing::what_was_acknowledged_is_there_after_kill_9",
        "",
        folder.path(),
    );
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged = |line: &String| line.strip_prefix("kept ").map(str::to_owned);
    let mut kept: BTreeSet<String> = said
        .by_ref()
        .map_while(Result::ok)
        .filter_map(|line| acknowledged(&line))
        .take(ENOUGH)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    kept.extend(said.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
    assert!(kept.len() >= ENOUGH, "the child died early");

    super::runtime().block_on(async {
        let room = Room::open_in(folder, Ambient::system()).await;
        let rows = room
            .store
            .read()
            .await
            .unwrap()
            .all(nodes::Entity::find())
            .await
            .unwrap();
        let found: BTreeSet<String> = rows.into_iter().map(|node| node.id).collect();
        let lost: Vec<_> = kept.difference(&found).collect();
        assert!(lost.is_empty(), "{} of {} lost", lost.len(), kept.len());
        let verdict = room.store.audit().verify().await.unwrap();
        assert!(verdict.intact, "{:?}", verdict.damage);
        assert_eq!(
            verdict.entries,
            found.len() as u64,
            "one entry for each change, no more and no fewer"
        );
        room.add("afterwards").await.unwrap();
        room.store.close().await;
        let files = super::auditing::mirrored(room.folder.path());
        assert_eq!(
            files.len(),
            found.len() + 1,
            "the files caught up with what the kill cut short"
        );
    });
}

async fn write_until_killed(state: &Path) {
    let ambient = Ambient::system();
    let store = Store::open(super::settings(state), ambient.clone())
        .await
        .unwrap();
    let tasks = Tasks::new();
    for producer in 0..16 {
        let (store, ambient) = (store.clone(), ambient.clone());
        tasks.spawn("producer", async move {
            for turn in 0..100_000 {
                let id = super::add(&store, &ambient, &format!("node-{producer}-{turn}"))
                    .await
                    .unwrap();
                println!("kept {id}");
            }
        });
    }
    std::future::pending::<()>().await;
}

/// What a power cut leaves of a log whose end had not been synced: any part of it. A change and its entry
/// are in one commit, so whatever is left, they are there together or not at all.
#[test]
fn a_log_cut_anywhere_loses_only_its_end_and_never_half_a_change() {
    super::runtime().block_on(async {
        let room = Room::open().await;
        for turn in 0..25 {
            room.add(&format!("node-{turn}")).await.unwrap();
        }
        let state = room.folder.path();
        let (database, log) = (
            super::database(state),
            super::database(state).with_extension("db-wal"),
        );
        let (bytes, log) = (std::fs::read(database).unwrap(), std::fs::read(log).unwrap());
        let mut kept_most = 0;
        for part in (0..=16)
            .map(|part| log.len() * part / 16)
            .chain([log.len() - 1, log.len() / 2 + 13])
        {
            let cut = tempfile::tempdir().unwrap();
            watchroom_kit::files::private_folder(&cut.path().join("db")).unwrap();
            std::fs::create_dir_all(cut.path().join("keys")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(cut.path().join("keys"), mode).unwrap();
            std::fs::copy(state.join("keys/audit.key"), cut.path().join("keys/audit.key")).unwrap();
            std::fs::write(super::database(cut.path()), &bytes).unwrap();
            std::fs::write(super::database(cut.path()).with_extension("db-wal"), &log[..part]).unwrap();
            let left = Room::open_in(cut, Ambient::system()).await;
            let verdict = left.store.audit().verify().await.unwrap();
            assert!(verdict.intact, "cut at {part}: {:?}", verdict.damage);
            assert_eq!(
                i64::try_from(verdict.entries).unwrap(),
                left.count("nodes"),
                "cut at {part}"
            );
            kept_most = kept_most.max(verdict.entries);
            left.add("afterwards").await.unwrap();
        }
        assert_eq!(
            kept_most, 25,
            "the whole log holds everything that was acknowledged"
        );
    });
}
