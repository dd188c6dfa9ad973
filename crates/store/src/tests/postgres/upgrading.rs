use crate::OpenError;
use crate::postgres::upgrade_to;
use crate::schema::Migration;
use crate::tests::rows::{FIRST, SECOND};
use watchroom_testkit_postgres::TestDatabase;

fn upgrade(database: &TestDatabase, migrations: &[Migration]) -> Result<(), OpenError> {
    let server = super::settings("/nowhere".as_ref(), Some(database.url()))
        .server
        .unwrap();
    upgrade_to(&server, migrations, 1).map(drop)
}

#[test]
fn an_upgrade_keeps_rows() {
    let database = TestDatabase::fresh();
    upgrade(&database, &[FIRST]).unwrap();
    database.run("INSERT INTO things VALUES ('a', 7)");
    upgrade(&database, &[FIRST, SECOND]).unwrap();
    upgrade(&database, &[FIRST, SECOND]).unwrap();
    assert_eq!(database.ask("SELECT size FROM things WHERE colour IS NULL"), "7");
    assert_eq!(database.ask("SELECT max(version) FROM schema_version"), "2");
}

#[test]
fn an_upgrade_that_fails_half_way_changes_nothing() {
    let database = TestDatabase::fresh();
    upgrade(&database, &[FIRST]).unwrap();
    assert!(upgrade(&database, &[FIRST, SECOND, FIRST]).is_err());
    assert_eq!(database.ask("SELECT max(version) FROM schema_version"), "1");
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'things'";
    assert_eq!(database.ask(columns), "2");
}

#[test]
fn replicas_that_start_together_upgrade_once() {
    let database = TestDatabase::fresh();
    std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| upgrade(&database, &[FIRST, SECOND])))
            .collect();
        for start in starts {
            start.join().unwrap().unwrap();
        }
    });
    assert_eq!(database.ask("SELECT count(*) FROM schema_version"), "2");
}

#[test]
fn text_is_ordered_by_its_bytes_as_on_sqlite() {
    let database = TestDatabase::fresh();
    upgrade(&database, &[FIRST]).unwrap();
    database.run("INSERT INTO things VALUES ('b', 1), ('B', 2), ('a-b', 3), ('aa', 4), ('é', 5)");
    let ordered = "SELECT string_agg(id, ' ' ORDER BY id) FROM things";
    assert_eq!(database.ask(ordered), "B a-b aa b é");
}
