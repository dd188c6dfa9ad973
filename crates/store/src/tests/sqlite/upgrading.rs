use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use watchroom_testkit_folder::Folder;

use crate::migrations;
use crate::schema::Engine;
use crate::sqlite::{upgrade, version};
use crate::tests::rows::{FIRST, SECOND};

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
    let folder = Folder::new();
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
    let folder = Folder::new();
    let path = folder.path().join("watchroom.db");
    let mut conn = Connection::open(&path).unwrap();
    upgrade(&mut conn, &path, &[FIRST], 1).unwrap();
    assert!(upgrade(&mut conn, &path, &[FIRST, SECOND, FIRST], 2).is_err());
    assert_eq!(version(&conn).unwrap(), 1);
    assert!(conn.prepare("SELECT colour FROM things").is_err());
}
