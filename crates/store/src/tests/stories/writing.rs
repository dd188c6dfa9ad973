use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_audit::Outcome;
use watchroom_kit::{Ambient, Clock, Tasks};
use watchroom_model::{NodeId, PageRequest};
use watchroom_policy::act;

use super::rows::{grant, node, nodes};
use super::{Room, permit};
use crate::engine::Connection;
use crate::{AuditFilter, Changed, StoreError, Upkeep};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_producers_are_answered_by_few_syncs_and_leave_one_unbroken_chain() {
    let room = Room::open().await;
    let tasks = Tasks::new();
    let (done, mut results) = tokio::sync::mpsc::unbounded_channel();
    for producer in 0..64 {
        let (store, ambient, done) = (room.store.clone(), room.ambient.clone(), done.clone());
        tasks.spawn("producer", async move {
            for turn in 0..8 {
                let added = super::add(&store, &ambient, &format!("node-{producer}-{turn}")).await;
                done.send(added).unwrap();
            }
        });
    }
    drop(done);
    let mut acknowledged = 0;
    while let Some(added) = results.recv().await {
        added.unwrap();
        acknowledged += 1;
    }
    assert_eq!(acknowledged, 512);
    assert_eq!(room.count("nodes"), 512);
    let verdict = room.store.audit().verify().await.unwrap();
    assert!(verdict.intact, "{:?}", verdict.damage);
    assert_eq!(verdict.entries, 512);
}

#[tokio::test]
async fn one_refused_change_among_many_takes_nothing_but_itself_down() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let (first, taken, other) = tokio::join!(room.add("beta"), room.add("alpha"), room.add("gamma"));
    assert!(first.is_ok() && other.is_ok());
    assert!(
        matches!(
            taken,
            Err(StoreError::Taken {
                constraint: "node_name_key"
            })
        ),
        "{taken:?}"
    );
    assert_eq!(room.count("nodes"), 3);
    assert_eq!(
        room.count("entries"),
        3,
        "what was refused leaves no entry of a change"
    );
    assert!(room.store.audit().verify().await.unwrap().intact);
}

#[tokio::test]
async fn what_the_closure_refuses_is_undone_and_told_in_its_own_words() {
    #[derive(Debug)]
    enum Refused {
        NotToday,
        Store(StoreError),
    }
    impl From<StoreError> for Refused {
        fn from(error: StoreError) -> Self {
            Self::Store(error)
        }
    }
    let room = Room::open().await;
    let refused: Result<(), Refused> = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async |tx| {
            tx.insert(node("1", "alpha")).await?;
            Err(Refused::NotToday)
        })
        .await;
    assert!(matches!(refused, Err(Refused::NotToday)), "{refused:?}");
    assert_eq!((room.count("nodes"), room.count("entries")), (0, 0));
    let closed = StoreError::Closed;
    assert!(matches!(
        Refused::from(closed),
        Refused::Store(StoreError::Closed)
    ));
}

#[tokio::test]
async fn a_name_taken_within_a_change_can_be_answered_within_it() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let second: Result<bool, StoreError> = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async |tx| {
            match tx.insert(node("2", "alpha")).await {
                Err(StoreError::Taken { .. }) => tx.insert(node("2", "alpha-2")).await.map(|()| true),
                other => other.map(|()| false),
            }
        })
        .await;
    assert!(second.unwrap());
    assert_eq!(room.count("nodes"), 2);
}

#[tokio::test]
async fn a_row_that_points_nowhere_is_refused_by_the_name_of_its_reference() {
    let room = Room::open().await;
    let dangling: Result<(), StoreError> = room
        .store
        .write(&permit(&room.ambient, act::CreateUser), async |tx| {
            tx.insert(grant("nobody")).await
        })
        .await;
    assert!(
        matches!(
            dangling,
            Err(StoreError::Dangling {
                constraint: "user_grant_user_fkey"
            })
        ),
        "{dangling:?}"
    );
    let id = room.add("alpha").await.unwrap();
    room.run(&format!(
        "INSERT INTO servers VALUES ('s', '{id}', 'web', '{{}}', 'stopped', 'stopped', '', NULL, NULL, NULL, '', 1, 1)"
    ));
    let removed: Result<u64, StoreError> = room
        .store
        .write(&permit(&room.ambient, act::RemoveServer), async |tx| {
            tx.delete(nodes::Entity::delete_many()).await
        })
        .await;
    assert!(
        matches!(
            removed,
            Err(StoreError::Dangling {
                constraint: "server_node_fkey"
            })
        ),
        "{removed:?}"
    );
    room.add("beta").await.unwrap();
    assert_eq!(room.count("nodes"), 2, "the writer goes on as before");
}

#[tokio::test]
async fn a_write_that_waits_for_something_else_or_panics_harms_nobody_else() {
    let room = Room::open().await;
    let allowed = permit(&room.ambient, act::CreateServer);
    let waiting: Result<(), StoreError> = room
        .store
        .write(&allowed, async |tx| {
            tx.insert(node("1", "alpha")).await?;
            tokio::task::yield_now().await;
            Ok(())
        })
        .await;
    assert!(matches!(waiting, Err(StoreError::Database(_))), "{waiting:?}");
    let panicking: Result<(), StoreError> = room
        .store
        .write(&allowed, async |_| panic!("as the story goes"))
        .await;
    assert!(matches!(panicking, Err(StoreError::Database(_))), "{panicking:?}");
    room.add("alpha").await.unwrap();
    assert_eq!((room.count("nodes"), room.count("entries")), (1, 1));
}

#[tokio::test]
async fn many_rows_are_each_given_a_value_of_their_own_and_the_others_keep_theirs() {
    let room = Room::open().await;
    let written = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async |tx| {
            for number in 0..450 {
                tx.insert(node(&format!("{number}"), &format!("node-{number}")))
                    .await?;
            }
            let labels = |number| (format!("{number}"), format!("of {number}"));
            let changed: Vec<_> = (1..450).map(labels).collect();
            tx.update_each::<nodes::Entity>(nodes::Column::Id, nodes::Column::Labels, &changed)
                .await?;
            tx.update_each::<nodes::Entity>(nodes::Column::Id, nodes::Column::Labels, &[])
                .await
        })
        .await;
    written.unwrap();
    let right = "SELECT count(*) FROM nodes WHERE labels = 'of ' || id";
    assert_eq!(room.number(right), 449);
    assert_eq!(room.number("SELECT count(*) FROM nodes WHERE labels = '{}'"), 1);
    assert_eq!(
        room.store.others().await.unwrap(),
        Vec::<String>::new(),
        "nobody else is there"
    );
}

#[tokio::test]
async fn an_entry_tells_who_did_what_to_what_from_where_without_secrets() {
    let room = Room::open().await;
    let done: Result<u64, StoreError> = room
        .store
        .write(&permit(&room.ambient, act::StopServer), async |tx| {
            tx.insert(node("1", "alpha")).await?;
            tx.note(
                "before",
                serde_json::json!({"status": "running", "api_key": "canary"}),
            );
            tx.note_resource("server:42".to_owned());
            tx.note_failure();
            let update = nodes::Entity::update_many().col_expr(nodes::Column::Port, Expr::value(1));
            tx.update(update.filter(nodes::Column::Name.eq("alpha"))).await
        })
        .await;
    assert_eq!(done.unwrap(), 1);
    let page = room
        .store
        .audit()
        .page(&AuditFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    let entry = &page.items[0];
    assert_eq!(
        (entry.action.as_str(), entry.resource.as_str()),
        ("server.stop", "server:42")
    );
    assert_eq!(
        (entry.user.as_str(), entry.result),
        ("local:root", Outcome::Failure)
    );
    assert_eq!(entry.source_ip, Some([192, 0, 2, 7].into()));
    assert_eq!(
        entry.extra["before"],
        serde_json::json!({"status": "running", "api_key": "[redacted]"})
    );
    assert!(!entry.line().contains("canary"));
}

#[tokio::test]
async fn caches_hear_of_a_change_only_once_it_is_committed() {
    let room = Room::open().await;
    let mut changes = room.store.changes();
    let id = NodeId::mint(&room.ambient);
    let refused: Result<(), StoreError> = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async move |tx| {
            tx.changed(Changed::Node(id));
            Err(StoreError::Closed)
        })
        .await;
    assert!(refused.is_err());
    let row = node(&id.to_string(), "alpha");
    let written: Result<(), StoreError> = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async move |tx| {
            tx.changed(Changed::Node(id));
            tx.insert(row.clone()).await
        })
        .await;
    written.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Changed::Node(id));
    assert_eq!(room.count("nodes"), 1);
    assert_eq!(changes.recv().await.unwrap(), Changed::Audit);
    assert!(changes.try_recv().is_err(), "the refused change told nobody");
}

#[tokio::test]
async fn upkeep_travels_with_the_next_commit_and_never_moves_a_time_back() {
    let room = Room::open().await;
    let id: NodeId = room.add("alpha").await.unwrap().parse().unwrap();
    room.store.upkeep(Upkeep::NodePing(id, 50));
    room.store.upkeep(Upkeep::NodePing(id, 40));
    room.add("beta").await.unwrap();
    let ping = || room.number("SELECT last_ping FROM nodes WHERE name = 'alpha'");
    assert_eq!(ping(), 50);
    room.store.upkeep(Upkeep::NodePing(id, 45));
    room.add("gamma").await.unwrap();
    assert_eq!(ping(), 50);
    assert_eq!(room.count("entries"), 3, "upkeep leaves no entry");
}

/// Keeps the writer busy, so that what is asked meanwhile ends up in one group.
pub(in crate::tests) async fn held_up(room: &Room) -> std::sync::mpsc::Sender<()> {
    let (release, released) = std::sync::mpsc::channel();
    let wait = move |_: &dyn Connection| {
        let _ = released.recv();
    };
    room.store
        .send(crate::writer::Message::Meddle(Box::new(wait)))
        .await
        .unwrap();
    release
}

#[tokio::test]
async fn a_change_that_takes_too_long_is_given_up() {
    let clock = Clock::manual(time::OffsetDateTime::UNIX_EPOCH);
    let ambient = Ambient {
        clock: clock.clone(),
        ..Ambient::system()
    };
    let room = Room::open_with(ambient).await;
    let slow: Result<(), StoreError> = room
        .store
        .write(&permit(&room.ambient, act::CreateServer), async move |tx| {
            tx.insert(node("1", "alpha")).await?;
            clock.advance(crate::write::DEADLINE * 2);
            Ok(())
        })
        .await;
    assert!(matches!(slow, Err(StoreError::Late)), "{slow:?}");
    assert_eq!((room.count("nodes"), room.count("entries")), (0, 0));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(Room::CASES))]

    /// Names that repeat are refused, as are changes that refuse themselves; the rest stands, whoever
    /// shared a transaction with whom.
    #[test]
    fn any_mix_of_changes_in_one_group_ends_as_if_each_had_been_alone(
        mix in proptest::collection::vec((0_u8..6, proptest::bool::weighted(0.3)), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let room = Room::open().await;
            let release = held_up(&room).await;
            let allowed = permit(&room.ambient, act::CreateServer);
            let group = futures_util::future::join_all(mix.iter().enumerate().map(|(at, (name, refuses))| {
                let (row, refuses) = (node(&at.to_string(), &name.to_string()), *refuses);
                room.store.write(&allowed, async move |tx| {
                    tx.insert(row.clone()).await?;
                    if refuses { Err(StoreError::Late) } else { Ok(()) }
                })
            }));
            let (answers, ()) = tokio::join!(group, async { release.send(()).unwrap() });
            let mut names = std::collections::BTreeSet::new();
            for ((name, refuses), answer) in mix.iter().zip(&answers) {
                let stands = !names.contains(name) && !refuses;
                assert_eq!(answer.is_ok(), stands, "{answer:?}");
                if stands {
                    names.insert(*name);
                }
            }
            assert_eq!(room.count("nodes"), i64::try_from(names.len()).unwrap());
            let verdict = room.store.audit().verify().await.unwrap();
            assert!(verdict.intact && verdict.entries == names.len() as u64);
        });
    }
}
