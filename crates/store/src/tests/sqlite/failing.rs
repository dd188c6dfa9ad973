use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use sea_orm::EntityTrait;
use tokio::time::timeout;
use watchroom_testkit_folder::Folder;

use super::Room;
use super::rows::nodes;
use crate::{Settings, Store, StoreError};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_change_whose_entry_cannot_be_written_does_not_happen() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let trigger =
        "CREATE TRIGGER deaf BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'the log is deaf'); END";
    room.run(trigger);
    let (first, second) = tokio::join!(room.add("beta"), room.add("gamma"));
    for refused in [first, second] {
        assert!(
            matches!(&refused, Err(StoreError::Database(why)) if why.contains("deaf")),
            "{refused:?}"
        );
    }
    assert_eq!(room.count("nodes"), 1);
    room.run("DROP TRIGGER deaf");
    room.add("beta").await.unwrap();
    assert!(
        room.store.audit().verify().await.unwrap().intact,
        "the chain has no gap"
    );
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_lets_reads_go_on() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    room.meddle(|conn| {
        let conn = conn.as_sqlite().unwrap();
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        conn.query_row(&format!("PRAGMA max_page_count = {}", pages + 2), [], |_| Ok(()))
            .unwrap();
    })
    .await;
    let mut turn = 0;
    let full = loop {
        match room.add(&format!("node-{turn}-{}", "x".repeat(2_000))).await {
            Ok(_) => turn += 1,
            Err(error) => break error,
        }
        assert!(turn < 1_000, "the limit never took hold");
    };
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    let seen = room
        .store
        .read()
        .await
        .unwrap()
        .count(nodes::Entity::find())
        .await
        .unwrap();
    assert_eq!(seen, turn + 1);
    assert!(room.store.ready().await.is_ok(), "full is not broken");
    room.meddle(|conn| {
        let conn = conn.as_sqlite().unwrap();
        conn.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(()))
            .unwrap();
    })
    .await;
    room.add("after").await.unwrap();
    let verdict = room.store.audit().verify().await.unwrap();
    assert!(verdict.intact, "{:?}", verdict.damage);
    assert_eq!(verdict.entries, seen + 1);
}

#[tokio::test]
async fn commits_are_synced_in_full() {
    let room = Room::open().await;
    room.meddle(|conn| {
        let conn = conn.as_sqlite().unwrap();
        let full: i64 = conn
            .query_row("PRAGMA synchronous", [], |row| row.get(0))
            .unwrap();
        let mode: String = conn
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!((full, mode.as_str()), (2, "wal"));
    })
    .await;
    room.store.ready().await.unwrap();
}

#[tokio::test]
async fn a_cell_of_another_kind_than_declared_is_an_error_and_not_an_absence() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    room.run("UPDATE nodes SET last_ping = 'yesterday'");
    let read = room.store.read().await.unwrap().all(nodes::Entity::find()).await;
    let Err(StoreError::Database(why)) = read else {
        panic!("{read:?}")
    };
    assert!(why.contains("nodes.last_ping"), "{why}");
}

#[tokio::test]
async fn a_change_that_tears_the_transaction_down_takes_nobody_else_with_it() {
    let room = Room::open().await;
    let bomb = "CREATE TRIGGER bomb BEFORE INSERT ON nodes WHEN NEW.name = 'bomb' \
                BEGIN SELECT RAISE(ROLLBACK, 'boom'); END";
    room.run(bomb);
    let release = super::writing::held_up(&room).await;
    let names = ["alpha", "beta", "bomb", "gamma", "delta"];
    let group = futures_util::future::join_all(names.map(|name| room.add(name)));
    let (answers, ()) = tokio::join!(group, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        release.send(()).unwrap();
    });
    for (name, answer) in names.iter().zip(answers) {
        match answer {
            Err(StoreError::Database(why)) => {
                assert!(*name == "bomb" && why.contains("boom"), "{name}: {why}");
            }
            other => assert!(*name != "bomb" && other.is_ok(), "{name}: {other:?}"),
        }
    }
    assert_eq!((room.count("nodes"), room.count("entries")), (4, 4));
    assert!(room.store.audit().verify().await.unwrap().intact);
}

/// A limit on the size of files is what a process can do to itself that makes the system refuse a write
/// of the log in the middle of a commit. It holds for the whole process, hence one of its own.
#[test]
fn after_the_system_refused_a_write_nothing_is_acknowledged_until_the_store_has_healed() {
    if let Some(settings) = super::as_child() {
        return super::runtime().block_on(be_refused_and_heal(settings));
    }
    let folder = Folder::new();
    let test = concat!(
        module_path!(),
        "::after_the_system_refused_a_write_nothing_is_acknowledged_until_the_store_has_healed"
    );
    let output = super::child(test, "trap '' XFSZ;", folder.path(), None)
        .wait_with_output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("refused, then healed"),
        "{said}"
    );
}

async fn be_refused_and_heal(settings: Settings) {
    let ambient = watchroom_kit::Ambient::system();
    let store = Store::open(settings, ambient.clone()).await.unwrap();
    let add = |name: String| {
        let (store, ambient) = (store.clone(), ambient.clone());
        async move { super::add(&store, &ambient, &name).await }
    };
    add("before".to_owned()).await.unwrap();
    // Less than one page of the log, so that not even the proof of a sync gets through.
    let limit = 4_096;
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(limit),
            maximum: None,
        },
    )
    .unwrap();
    let mut kept = 1;
    let refused = loop {
        match add(format!("during-{kept}")).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Unsynced(_)), "{refused:?}");
    let still = add("still".to_owned()).await.unwrap_err();
    assert!(matches!(still, StoreError::Unsynced(_)), "{still:?}");
    assert!(store.ready().await.is_err());
    let seen = store
        .read()
        .await
        .unwrap()
        .count(nodes::Entity::find())
        .await
        .unwrap();
    assert_eq!(seen, kept, "reads go on");

    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: None,
            maximum: None,
        },
    )
    .unwrap();
    add("after".to_owned()).await.unwrap();
    store.ready().await.unwrap();
    let verdict = store.audit().verify().await.unwrap();
    assert!(verdict.intact, "{:?}", verdict.damage);
    assert_eq!(verdict.entries, kept + 1);
    timeout(SOON, store.close()).await.unwrap();
    println!("refused, then healed");
}
