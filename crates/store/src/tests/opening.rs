use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use watchroom_kit::Ambient;

use super::{Room, database, settings};
use crate::migrations;
use crate::schema::{Engine, Migration, Step, Table, bigint, boolean, text};
use crate::upgrade::{upgrade, version};
use crate::{OpenError, Store, StoreError};

const FIRST: Migration = Migration {
    name: "first",
    why: "there must be something to upgrade",
    steps: &[Step::Table(Table {
        name: "things",
        columns: &[text("id"), bigint("size")],
        primary: &["id"],
        uniques: &[],
        references: &[],
    })],
};
const SECOND: Migration = Migration {
    name: "second",
    why: "things turned out to have a colour",
    steps: &[
        Step::Column {
            table: "things",
            column: text("colour").optional(),
        },
        Step::Column {
            table: "things",
            column: boolean("is_old").optional(),
        },
        Step::Index {
            name: "thing_colour_idx",
            table: "things",
            columns: &["colour"],
        },
    ],
};

#[test]
fn every_migration_renders_for_both_engines() {
    let mut rendered = String::new();
    for migration in migrations::ALL.iter().chain([&FIRST, &SECOND]) {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let statements = migration.statements(engine).join(";\n");
            rendered.push_str(&format!(
                "-- {} for {engine:?}: {}\n{statements}\n\n",
                migration.name, migration.why
            ));
        }
    }
    insta::assert_snapshot!("migrations", rendered);
}

#[test]
fn an_upgrade_keeps_rows_and_leaves_a_copy_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchroom.db");
    let mut conn = Connection::open(&path).unwrap();
    upgrade(&mut conn, &path, &[FIRST], 1).unwrap();
    conn.execute("INSERT INTO things VALUES ('a', 7)", []).unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "a new database needs no copy"
    );

    upgrade(&mut conn, &path, &[FIRST, SECOND], 2).unwrap();
    upgrade(&mut conn, &path, &[FIRST, SECOND], 3).unwrap();
    assert_eq!(version(&conn).unwrap(), 2);
    let size: i64 = conn
        .query_row("SELECT size FROM things WHERE colour IS NULL", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(size, 7);

    let copy = folder.path().join("before-schema-2-from-1-at-2.db");
    assert_eq!(
        std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let old = Connection::open(copy).unwrap();
    assert_eq!(version(&old).unwrap(), 1);
    assert_eq!(
        old.query_row("SELECT size FROM things", [], |row| row.get::<_, i64>(0))
            .unwrap(),
        7
    );
}

#[test]
fn an_upgrade_that_fails_half_way_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchroom.db");
    let mut conn = Connection::open(&path).unwrap();
    upgrade(&mut conn, &path, &[FIRST], 1).unwrap();
    assert!(upgrade(&mut conn, &path, &[FIRST, SECOND, FIRST], 2).is_err());
    assert_eq!(version(&conn).unwrap(), 1);
    assert!(conn.prepare("SELECT colour FROM things").is_err());
}

#[tokio::test]
async fn a_database_from_a_newer_watchroom_is_refused_and_left_alone() {
    let room = Room::open().await;
    room.store.close().await;
    room.shell()
        .execute(
            "INSERT INTO schema_version VALUES (9999, 'from the future', 1)",
            [],
        )
        .unwrap();
    let opened = Store::open(settings(room.folder.path()), Ambient::system()).await;
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
    let second = Store::open(settings(room.folder.path()), Ambient::system()).await;
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
    let log = database(room.folder.path()).with_extension("db-wal");
    assert_eq!(
        std::fs::metadata(log).map_or(0, |log| log.len()),
        0,
        "everything is in one file"
    );
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
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}
