use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};

use sea_orm::EntityTrait;
use watchroom_kit::{Ambient, Tasks};
use watchroom_testkit_folder::Folder;

use super::Room;
use super::rows::nodes;
use crate::{Settings, Store};

/// Acknowledgements to wait for before killing; the rest is under way at that moment.
const ENOUGH: usize = 400;

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    if let Some(settings) = super::as_child() {
        return super::runtime().block_on(write_until_killed(settings));
    }
    let (folder, database) = (Folder::new(), Room::database());
    let test = concat!(module_path!(), "::what_was_acknowledged_is_there_after_kill_9");
    let url = database.as_ref().map(|database| database.url());
    let mut child = super::child(test, "", folder.path(), url);
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
        let room = Room::open_in(folder, database, Ambient::system()).await;
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

async fn write_until_killed(settings: Settings) {
    let ambient = Ambient::system();
    let store = Store::open(settings, ambient.clone()).await.unwrap();
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
