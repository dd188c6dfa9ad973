use std::os::unix::fs::PermissionsExt;

use watchroom_kit::Ambient;

use super::Room;
use crate::{OpenError, Store, StoreError, migrations};

#[tokio::test]
async fn a_database_from_a_newer_watchroom_is_refused_and_left_alone() {
    let room = Room::open().await;
    room.store.close().await;
    room.run("INSERT INTO schema_version VALUES (9999, 'from the future', 1)");
    let opened = Store::open(room.settings(), Ambient::system()).await;
    let Err(OpenError::Newer {
        found: 9_999, known, ..
    }) = opened
    else {
        panic!("{opened:?}")
    };
    assert_eq!(known as usize, migrations::ALL.len());
}

#[tokio::test]
async fn two_processes_cannot_write_one_chain() {
    let room = Room::open().await;
    let second = Store::open(room.settings(), Ambient::system()).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
}

#[tokio::test]
async fn a_closed_store_says_so_and_a_reopened_one_goes_on_where_it_was() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let before = room.store.committed_head();
    room.store.close().await;
    assert!(matches!(room.add("beta").await, Err(StoreError::Closed)));
    assert!(matches!(
        room.store.read().await.map(drop),
        Err(StoreError::Closed)
    ));
    assert!(matches!(room.store.ready().await, Err(StoreError::Closed)));
    room.store.close().await;
    let room = room.reopen().await;
    assert_eq!(room.store.committed_head(), before);
    room.add("beta").await.unwrap();
    assert_eq!(room.store.audit().verify().await.unwrap().entries, 2);
}

#[tokio::test]
async fn nobody_else_can_read_what_is_kept() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    room.store.close().await;
    let mut files: Vec<_> = ["db", "audit", "keys"]
        .iter()
        .flat_map(|name| std::fs::read_dir(room.folder.path().join(name)).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}
