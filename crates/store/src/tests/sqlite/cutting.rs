use watchroom_kit::Ambient;
use watchroom_testkit_folder::Folder;

use super::Room;

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
        let (database, log) = (super::file(state), super::file(state).with_extension("db-wal"));
        let (bytes, log) = (std::fs::read(database).unwrap(), std::fs::read(log).unwrap());
        let mut kept_most = 0;
        for part in (0..=16)
            .map(|part| log.len() * part / 16)
            .chain([log.len() - 1, log.len() / 2 + 13])
        {
            let cut = Folder::new();
            watchroom_kit::files::private_folder(&cut.path().join("db")).unwrap();
            std::fs::create_dir_all(cut.path().join("keys")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(cut.path().join("keys"), mode).unwrap();
            std::fs::copy(state.join("keys/audit.key"), cut.path().join("keys/audit.key")).unwrap();
            std::fs::write(super::file(cut.path()), &bytes).unwrap();
            std::fs::write(super::file(cut.path()).with_extension("db-wal"), &log[..part]).unwrap();
            let left = Room::open_in(cut, None, Ambient::system()).await;
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

#[tokio::test]
async fn a_closed_store_leaves_everything_in_one_file() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    room.store.close().await;
    let log = super::file(room.folder.path()).with_extension("db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0);
}
