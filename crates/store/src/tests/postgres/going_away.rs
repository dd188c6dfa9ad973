use std::time::Duration;

use sea_orm::EntityTrait;
use watchroom_kit::{Ambient, SecretString};
use watchroom_testkit_folder::Folder;

use super::Room;
use super::cable::Cable;
use super::rows::nodes;
use crate::{Config, OpenError, Server, Settings, Store, StoreError};

const SOON: Duration = Duration::from_secs(60);

/// Tries until it works; the error before that, if there was any.
async fn until_added(room: &Room, name: &str) -> Option<StoreError> {
    let mut refused = None;
    let trying = async {
        while let Err(error) = room.add(name).await {
            refused = Some(error);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, trying).await.unwrap();
    refused
}

#[tokio::test]
async fn a_database_that_goes_away_refuses_clearly_and_heals_by_itself() {
    let room = Room::open().await;
    let database = room.database.clone().unwrap();
    room.add("before").await.unwrap();
    database.go_away();
    let refused = room.add("during").await.unwrap_err();
    assert!(matches!(refused, StoreError::Away(_)), "{refused:?}");
    let unread = room.store.read().await;
    let unread = match unread {
        Ok(view) => view.count(nodes::Entity::find()).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(unread, StoreError::Away(_)), "{unread:?}");
    assert!(room.store.ready().await.is_err());
    database.come_back();
    until_added(&room, "after").await;
    room.store.ready().await.unwrap();
    let seen = room
        .store
        .read()
        .await
        .unwrap()
        .count(nodes::Entity::find())
        .await;
    assert_eq!(seen.unwrap(), 2);
    let verdict = room.store.audit().verify().await.unwrap();
    assert!(verdict.intact && verdict.entries == 2, "{:?}", verdict.damage);
}

#[tokio::test]
async fn a_session_that_was_cut_is_replaced_without_anybody_noticing() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    drop(
        room.store
            .read()
            .await
            .unwrap()
            .count(nodes::Entity::find())
            .await,
    );
    room.database.as_ref().unwrap().end_sessions("watchroom");
    room.add("beta").await.unwrap();
    let seen = room
        .store
        .read()
        .await
        .unwrap()
        .count(nodes::Entity::find())
        .await;
    assert_eq!(seen.unwrap(), 2);
    assert!(room.store.audit().verify().await.unwrap().intact);
}

/// The connection breaks while the server commits: whether the change was made is known by our chain alone.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_acknowledged_because_it_was_made() {
    let database = Room::database().unwrap();
    let cable = Cable::to(database.port()).await;
    let folder = tempfile::tempdir().unwrap();
    let url = Some(database.tcp_url(cable.port));
    let ambient = Ambient::system();
    let store = Store::open(super::settings(folder.path(), url), ambient.clone())
        .await
        .unwrap();
    super::add(&store, &ambient, "alpha").await.unwrap();
    cable.break_at_next_commit();
    super::add(&store, &ambient, "beta").await.unwrap();
    assert!(cable.is_broken(), "the story happened");
    assert_eq!(database.ask("SELECT count(*) FROM nodes"), "2");
    assert_eq!(
        database.ask("SELECT count(*) FROM entries"),
        "2",
        "it was made once"
    );
    super::add(&store, &ambient, "gamma").await.unwrap();
    assert!(store.audit().verify().await.unwrap().intact);
    store.close().await;
}

/// The server ends the session in the middle of the commit, which is thereby undone.
#[tokio::test]
async fn a_commit_that_the_server_gave_up_is_not_acknowledged() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    room.run(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON nodes DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW WHEN (NEW.name = 'lost') EXECUTE FUNCTION cut()",
    );
    let lost = room.add("lost").await.unwrap_err();
    assert!(matches!(lost, StoreError::Away(_)), "{lost:?}");
    until_added(&room, "gamma").await;
    assert_eq!((room.count("nodes"), room.count("entries")), (2, 2));
    assert!(room.store.audit().verify().await.unwrap().intact);
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_lets_reads_go_on() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    room.run(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION full_disk()",
    );
    let refused = room.add("beta").await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    let seen = room
        .store
        .read()
        .await
        .unwrap()
        .count(nodes::Entity::find())
        .await;
    assert_eq!(seen.unwrap(), 1);
    assert!(room.store.ready().await.is_ok(), "full is not broken");
    room.run("DROP TRIGGER full_disk ON entries");
    room.add("beta").await.unwrap();
    let verdict = room.store.audit().verify().await.unwrap();
    assert!(verdict.intact && verdict.entries == 2, "{:?}", verdict.damage);
}

#[tokio::test]
async fn a_change_whose_entry_cannot_be_written_does_not_happen() {
    let room = Room::open().await;
    room.run(
        "CREATE FUNCTION deaf() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'the log is deaf'; END $$;
         CREATE TRIGGER deaf BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION deaf()",
    );
    let (first, second) = tokio::join!(room.add("beta"), room.add("gamma"));
    for refused in [first, second] {
        assert!(
            matches!(&refused, Err(StoreError::Database(why)) if why.contains("deaf")),
            "{refused:?}"
        );
    }
    assert_eq!(room.count("nodes"), 0);
}

#[tokio::test]
async fn the_server_proves_who_it_is_or_is_not_spoken_to() {
    let room = Room::open().await;
    let database = room.database.as_ref().unwrap();
    let open = |host: &str, authorities: Option<std::path::PathBuf>| {
        let config = Config {
            url: Some(database.tls_url(host)),
            ca_file: authorities.unwrap_or_else(|| Config::default().ca_file),
            ..Config::default()
        };
        let folder = Folder::new();
        let settings = config.server().map(|server| Settings {
            server,
            ..Settings::within(folder.path())
        });
        std::fs::create_dir_all(folder.path().join("keys")).unwrap();
        let keys = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder.path().join("keys"), keys).unwrap();
        let key = "keys/audit.key";
        std::fs::copy(room.folder.path().join(key), folder.path().join(key)).unwrap();
        async move {
            let opened = Store::open(settings.unwrap(), Ambient::system()).await;
            drop(folder);
            opened
        }
    };
    let proven = open("localhost", Some(database.authority())).await.unwrap();
    proven.close().await;
    let other_name = open("127.0.0.1", Some(database.authority())).await;
    let other_authority = open("localhost", None).await;
    for refused in [other_name, other_authority] {
        let Err(OpenError::Unusable { why, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("certificate"), "{why}");
    }
}

#[test]
fn a_password_is_read_from_a_file_that_nobody_else_can_read() {
    let folder = Folder::new();
    let path = folder.path().join("password");
    std::fs::write(&path, "correct horse\n").unwrap();
    let config = Config {
        url: Some("postgres://watchroom@localhost/watchroom".to_owned()),
        password_file: Some(path.clone()),
        ..Config::default()
    };
    let open_to_others = config.server().unwrap_err().to_string();
    assert!(open_to_others.contains("chmod 600"), "{open_to_others}");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = config.server().unwrap().unwrap();
    let shown = format!("{server} {server:?}");
    assert!(!shown.contains("correct horse"), "{shown}");
    let same = Server::new(
        config.url.as_deref().unwrap(),
        Some(&SecretString::from("correct horse")),
        &config.ca_file,
    );
    assert_eq!(format!("{:?}", same.unwrap()), format!("{server:?}"));
}
