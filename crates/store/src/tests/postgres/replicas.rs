use std::time::Duration;

use futures_util::TryStreamExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_audit::{DamageKind, Verifier};
use watchroom_kit::{Ambient, Clock};
use watchroom_model::{GuessId, NodeId, PageRequest};
use watchroom_policy::act;
use watchroom_testkit_folder::Folder;

use super::rows::{node, nodes};
use super::{Room, permit};
use crate::{AuditFilter, Changed, Claimed, ExportForm, Guess, OpenError, Store, StoreError};

const SOON: Duration = Duration::from_secs(30);

/// A second state folder that signs with the same key.
fn with_key_of(room: &Room) -> Folder {
    let folder = Folder::new();
    watchroom_kit::files::private_folder(&folder.path().join("keys")).unwrap();
    let key = |folder: &Folder| folder.path().join("keys/audit.key");
    std::fs::copy(key(&room.folder), key(&folder)).unwrap();
    folder
}

/// Another replica of the room's database.
async fn replica(room: &Room) -> Room {
    Room::open_in(with_key_of(room), room.database.clone(), room.ambient.clone()).await
}

async fn add_owned(room: &Room, name: String) -> Result<String, StoreError> {
    room.add(&name).await
}

/// The next change that is about this, passing over others.
async fn heard(changes: &mut tokio::sync::broadcast::Receiver<Changed>, what: Changed) {
    let hear = async { while changes.recv().await.unwrap() != what {} };
    tokio::time::timeout(SOON, hear).await.unwrap();
}

#[tokio::test]
async fn two_replicas_write_chains_of_their_own_and_each_verifies_both() {
    let first = Room::open().await;
    let second = replica(&first).await;
    let (left, right) = (
        futures_util::future::try_join_all((0..20).map(|turn| add_owned(&first, format!("left-{turn}")))),
        futures_util::future::try_join_all((0..30).map(|turn| add_owned(&second, format!("right-{turn}")))),
    );
    let (left, right) = tokio::join!(left, right);
    assert_eq!(left.unwrap().len() + right.unwrap().len(), 50);
    assert_ne!(
        first.store.committed_head().chain,
        second.store.committed_head().chain
    );
    assert_eq!(first.count("chains"), 2);
    for room in [&first, &second] {
        let verdict = room.store.audit().verify().await.unwrap();
        assert!(verdict.intact, "{:?}", verdict.damage);
        assert_eq!(verdict.entries, 50);
    }
    let mut request = PageRequest {
        limit: Some(7),
        cursor: None,
    };
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let page = first
            .store
            .audit()
            .page(&AuditFilter::default(), &request)
            .await
            .unwrap();
        seen.extend(page.items.iter().map(|entry| (entry.chain.clone(), entry.seq)));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 50, "each entry of each chain is on one page");
}

#[tokio::test]
async fn an_export_holds_all_chains_and_is_verified_offline() {
    let first = Room::open().await;
    let second = replica(&first).await;
    for turn in 0..3 {
        first.add(&format!("left-{turn}")).await.unwrap();
        second.add(&format!("right-{turn}")).await.unwrap();
    }
    let export = first
        .store
        .audit()
        .export(AuditFilter::default(), ExportForm::JsonLines);
    let lines: String = export.try_collect().await.unwrap();
    let verdict = |text: &str| {
        let mut verifier = Verifier::new(first.store.audit().public_key());
        verifier.feed(text.as_bytes());
        verifier.finish()
    };
    let whole = verdict(&lines);
    assert!(whole.intact && whole.entries == 6, "{:?}", whole.damage);
    assert!(!verdict(&lines.replacen("right-1", "right-9", 1)).intact);
    let without_one: Vec<_> = lines.lines().filter(|line| !line.contains("left-2")).collect();
    assert!(
        !verdict(&without_one.join("\n")).intact,
        "the end of each chain is signed"
    );
}

#[tokio::test]
async fn what_is_cut_off_another_replicas_chain_is_missed_by_our_checkpoint() {
    let clock = Clock::manual(time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let first = Room::open_with(Ambient {
        clock: clock.clone(),
        ..Ambient::system()
    })
    .await;
    let second = replica(&first).await;
    for turn in 0..5 {
        second.add(&format!("right-{turn}")).await.unwrap();
    }
    clock.advance(Duration::from_secs(61));
    first.add("left").await.unwrap();
    let signed = first.store.audit().last_checkpoint().await.unwrap().unwrap();
    let heads = &signed.checkpoint.heads;
    assert_eq!(
        *heads,
        [first.store.committed_head(), second.store.committed_head()]
    );
    assert_eq!(signed.checkpoint.count, 6);
    assert!(first.store.audit().verify().await.unwrap().intact);
    let chain = second.store.committed_head().chain;
    second.store.close().await;
    let cut = |what: &str| first.run(&format!("DELETE FROM {what} WHERE chain = '{chain}'"));
    first.run(&format!(
        "DELETE FROM entries WHERE chain = '{chain}' AND seq > 3"
    ));
    first.run(&format!("DELETE FROM checkpoints WHERE chain = '{chain}'"));
    let verdict = first.store.audit().verify().await.unwrap();
    assert_eq!(verdict.damage.unwrap().kind, DamageKind::Head { signed: 5 });
    assert_eq!(verdict.head.unwrap().chain, chain);
    cut("entries");
    cut("chains");
    let verdict = first.store.audit().verify().await.unwrap();
    assert!(!verdict.intact, "a whole chain is missed too");
}

#[tokio::test]
async fn what_one_replica_changes_the_other_hears() {
    let first = Room::open().await;
    let second = replica(&first).await;
    let (mut elsewhere, mut own) = (second.store.changes_elsewhere(), first.store.changes_elsewhere());
    let id = NodeId::mint(&first.ambient);
    change(&first, id).await;
    heard(&mut elsewhere, Changed::Node(id)).await;
    heard(&mut elsewhere, Changed::Audit).await;
    change(&second, id).await;
    heard(&mut own, Changed::Node(id)).await;
    first
        .database
        .as_ref()
        .unwrap()
        .end_sessions("watchroom listener");
    heard(&mut elsewhere, Changed::Everything).await;
    change(&first, id).await;
    heard(&mut elsewhere, Changed::Node(id)).await;
}

async fn change(room: &Room, id: NodeId) {
    let changed: Result<(), StoreError> = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async move |tx| {
            tx.changed(Changed::Node(id));
            Ok(())
        })
        .await;
    changed.unwrap();
}

/// Both read a number and write it back one higher, as only somebody who is alone may.
#[tokio::test]
async fn two_replicas_that_change_the_same_row_lose_nothing() {
    let first = Room::open().await;
    let second = replica(&first).await;
    first.add("shared").await.unwrap();
    let count_up = |room: &Room| {
        let (store, allowed) = (room.store.clone(), permit(&room.ambient, act::CreateServer));
        async move {
            let counted: Result<(), StoreError> = store
                .write(&allowed, async |tx| {
                    let row = tx.one(nodes::Entity::find()).await?.ok_or(StoreError::Closed)?;
                    let update = nodes::Entity::update_many()
                        .col_expr(nodes::Column::Port, Expr::value(row.port + 1))
                        .filter(nodes::Column::Id.eq(row.id));
                    tx.update(update).await.map(drop)
                })
                .await;
            counted
        }
    };
    let mut done = 0;
    for _ in 0..10 {
        let (left, right) = tokio::join!(count_up(&first), count_up(&second));
        for counted in [left, right] {
            match counted {
                Ok(()) => done += 1,
                Err(error) => assert!(matches!(error, StoreError::Contended), "{error:?}"),
            }
        }
    }
    assert!(done > 0);
    assert_eq!(first.number("SELECT port FROM nodes"), 7443 + done);
    assert!(first.store.audit().verify().await.unwrap().intact);
}

#[tokio::test]
async fn a_copy_of_a_state_folder_may_not_write_the_same_chain() {
    let room = Room::open().await;
    let copy = with_key_of(&room);
    watchroom_kit::files::private_folder(&copy.path().join("db")).unwrap();
    for file in std::fs::read_dir(room.folder.path().join("db")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join("db").join(file.file_name())).unwrap();
    }
    let url = room.database.as_ref().map(|database| database.url());
    let settings = super::settings(copy.path(), url);
    let opened = Store::open(settings, Ambient::system()).await;
    assert!(matches!(opened, Err(OpenError::InUse { .. })), "{opened:?}");
    room.add("alpha").await.unwrap();
}

#[tokio::test]
async fn a_host_that_moves_to_another_database_begins_a_chain_and_keeps_the_files_of_the_old() {
    let moved = Room::open().await;
    moved.add("alpha").await.unwrap();
    moved.store.close().await;
    let old = moved.store.committed_head().chain;
    let room = Room::open_in(moved.folder, Room::database(), Ambient::system()).await;
    room.add("beta").await.unwrap();
    room.store.close().await;
    let chain = room.store.committed_head().chain;
    assert_ne!(chain, old);
    let audit = room.folder.path().join("audit");
    let lines = |folder: &std::path::Path| -> String {
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let files = files.filter(|file| file.is_file());
        files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
    };
    let (before, after) = (lines(&audit), lines(&audit.join(&chain)));
    assert!(before.contains("alpha") && before.contains(&old), "{before}");
    assert!(after.contains("beta") && after.contains(&chain), "{after}");
    let room = room.reopen().await;
    assert_eq!(room.store.committed_head().chain, chain, "it is found again");
}

#[tokio::test]
async fn a_replica_that_signs_with_another_key_is_refused_with_the_next_step() {
    let room = Room::open().await;
    let url = room.database.as_ref().map(|database| database.url());
    let folder = Folder::new();
    let opened = Store::open(super::settings(folder.path(), url), Ambient::system()).await;
    let Err(refused @ OpenError::KeyUnusable { .. }) = opened else {
        panic!("{opened:?}")
    };
    assert!(
        refused.to_string().contains("watchroom cluster replica prepare"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_row_that_another_replica_has_taken_is_refused_by_its_name() {
    let first = Room::open().await;
    let second = replica(&first).await;
    first.add("alpha").await.unwrap();
    let taken = second.add("alpha").await;
    assert!(
        matches!(
            taken,
            Err(StoreError::Taken {
                constraint: "node_name_key"
            })
        ),
        "{taken:?}"
    );
    let twice: Result<(), StoreError> = second
        .store
        .write(&permit(&second.ambient, act::CreateServer), async |tx| {
            tx.insert(node("1", "beta")).await?;
            tx.insert(node("2", "beta")).await
        })
        .await;
    assert!(matches!(twice, Err(StoreError::Taken { .. })), "{twice:?}");
    assert_eq!((first.count("nodes"), first.count("entries")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_that_are_asked_at_once_allow_together_no_more_than_the_budget_has() {
    let first = Room::open().await;
    let second = replica(&first).await;
    let claim = async |room: &Room, at: i64| {
        let guess = Guess {
            id: GuessId::mint(&room.ambient),
            budget: "alice".to_owned(),
            limit: 10,
            window: 3_600_000_000,
            at,
        };
        room.store.claim(guess).await
    };
    let all = (0..100).map(|turn| claim(if turn % 2 == 0 { &first } else { &second }, turn));
    let answers = futures_util::future::join_all(all).await;
    let taken = answers
        .iter()
        .filter(|one| matches!(one, Ok(Claimed::Taken { .. })));
    assert_eq!(taken.count(), 10);
    assert_eq!(first.count("guesses"), 10);
    let refused = answers.iter().filter_map(|one| one.as_ref().err()).count();
    assert_eq!(refused, 0, "{answers:?}");
}
