use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use time::OffsetDateTime;
use watchroom_audit::{DamageKind, Entry, Outcome, Verifier};
use watchroom_kit::{Ambient, Clock};
use watchroom_model::PageRequest;
use watchroom_policy::{Ask, EventType, Principal, Resource, ResourceKind, Trail, act, decide};

use super::{Room, permit};
use crate::{AuditFilter, ExportForm, StoreError};

/// All lines of the files beside the database, in order.
pub(in crate::tests) fn mirrored(state: &Path) -> Vec<Entry> {
    let mut files: Vec<_> = std::fs::read_dir(state.join("audit"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let lines = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect::<String>();
    let entries: Vec<_> = lines
        .lines()
        .map(|line| Entry::read(line.as_bytes()).unwrap())
        .collect();
    assert!(
        entries.iter().zip(1..).all(|(entry, seq)| entry.seq == seq),
        "no gap, nothing twice"
    );
    entries
}

/// Many changes at a time, as a busy Host has them.
async fn add_many(room: &Room, count: usize) {
    let names: Vec<_> = (0..count).map(|turn| format!("node-{turn}")).collect();
    let added = names.iter().map(|name| room.add(name));
    futures_util::future::try_join_all(added).await.unwrap();
}

async fn export(room: &Room, filter: AuditFilter, form: ExportForm) -> String {
    room.store
        .audit()
        .export(filter, form)
        .try_collect()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_row_edited_in_the_database_is_found_and_named() {
    let room = Room::open().await;
    for turn in 0..20 {
        room.add(&format!("node-{turn}")).await.unwrap();
    }
    assert!(room.store.audit().last_verification().is_none());
    assert!(room.store.audit().verify().await.unwrap().intact);
    let edits = [
        (
            "UPDATE entries SET actor = 'somebody else' WHERE seq = 7",
            DamageKind::Edited,
        ),
        ("UPDATE entries SET at = at + 1 WHERE seq = 7", DamageKind::Edited),
        (
            "UPDATE entries SET source_ip = NULL WHERE seq = 7",
            DamageKind::Edited,
        ),
        (
            "UPDATE entries SET seq = 100 WHERE seq = 7",
            DamageKind::Removed { expected: 7 },
        ),
        (
            "DELETE FROM entries WHERE seq = 7",
            DamageKind::Removed { expected: 7 },
        ),
        ("DELETE FROM entries WHERE seq > 12", DamageKind::Truncated),
    ];
    for (edit, expected) in edits {
        room.run("CREATE TABLE kept AS SELECT * FROM entries");
        room.run(edit);
        let verdict = room.store.audit().verify().await.unwrap();
        let damage = verdict.damage.expect(edit);
        assert_eq!(damage.kind, expected, "{edit}");
        if expected == DamageKind::Edited {
            assert_eq!(damage.seq, Some(7), "{edit}");
        }
        room.run("DELETE FROM entries; INSERT INTO entries SELECT * FROM kept; DROP TABLE kept");
    }
    room.run("UPDATE entries SET extra = extra || ' ' WHERE seq = 9");
    let verdict = room.store.audit().verify().await.unwrap();
    assert_eq!(verdict.damage.unwrap().seq, Some(9), "even a space is found");
    assert!(!room.store.audit().last_verification().unwrap().verdict.intact);
}

#[tokio::test]
async fn an_entry_slipped_in_behind_the_head_is_found() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let forged = "INSERT INTO entries SELECT chain, 2, at, event_type, actor, action, resource, result, source_ip, \
                  user_agent, request_id, decision_id, extra, hash, prev_hash FROM entries";
    room.run(forged);
    let verdict = room.store.audit().verify().await.unwrap();
    assert_eq!(verdict.damage.unwrap().kind, DamageKind::Inserted);
}

#[tokio::test]
async fn an_export_is_verified_offline_with_the_public_key_alone() {
    let room = Room::open().await;
    add_many(&room, 1_203).await;
    let lines = export(&room, AuditFilter::default(), ExportForm::JsonLines).await;
    assert_eq!(lines.lines().count(), 1_204);
    let key = std::fs::read_to_string(room.folder.path().join("keys/audit.pub")).unwrap();
    let verdict = |text: &str| {
        let mut verifier = Verifier::new(key.trim().parse().unwrap());
        verifier.feed(text.as_bytes());
        verifier.finish()
    };
    let whole = verdict(&lines);
    assert!(whole.intact && !whole.is_selection, "{:?}", whole.damage);
    let edited = lines.lines().find(|line| line.contains("\"node-600\"")).unwrap();
    let seq = Entry::read(edited.as_bytes()).unwrap().seq;
    let damage = verdict(&lines.replacen("node-600", "node-601", 1)).damage;
    assert_eq!(damage.unwrap().seq, Some(seq));

    let some = AuditFilter {
        text: Some("node-7_".into()),
        ..AuditFilter::default()
    };
    assert_eq!(
        export(&room, some, ExportForm::JsonLines).await.lines().count(),
        1,
        "an underscore is no wildcard"
    );
    let some = AuditFilter {
        text: Some("\"node-7".into()),
        ..AuditFilter::default()
    };
    let selection = verdict(&export(&room, some, ExportForm::JsonLines).await);
    assert!(
        selection.intact && selection.is_selection,
        "{:?}",
        selection.damage
    );
    assert_eq!(selection.entries, 111);
    let table = export(&room, AuditFilter::default(), ExportForm::Csv).await;
    assert_eq!(table.lines().count(), 1_204);
}

async fn busy_room() -> Room {
    let room = Room::open().await;
    for turn in 0..7 {
        room.add(&format!("node-{turn}")).await.unwrap();
    }
    let allowed = permit(&room.ambient, act::FailSignIn);
    let failed = room.store.write(&allowed, async |tx| {
        tx.note("code", "canary");
        Ok::<(), StoreError>(())
    });
    failed.await.unwrap();
    room
}

#[tokio::test]
async fn the_log_is_paged_newest_first() {
    let room = busy_room().await;
    let log = room.store.audit();
    let mut request = PageRequest {
        limit: Some(3),
        cursor: None,
    };
    let mut places = Vec::new();
    loop {
        let page = log.page(&AuditFilter::default(), &request).await.unwrap();
        places.extend(page.items.iter().map(|entry| entry.seq));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(places, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn the_log_is_searched_by_each_of_its_fields() {
    let room = busy_room().await;
    let now = room.ambient.now();
    let with = |change: &dyn Fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::default();
        change(&mut filter);
        filter
    };
    let questions = [
        (with(&|filter| filter.event_type = Some(EventType::AuthFailed)), 1),
        (with(&|filter| filter.result = Some(Outcome::Success)), 7),
        (with(&|filter| filter.action = Some("server.create".into())), 7),
        (with(&|filter| filter.resource = Some("server".into())), 8),
        (with(&|filter| filter.source_ip = Some([192, 0, 2, 7].into())), 8),
        (with(&|filter| filter.user = Some("anonymous".into())), 0),
        (with(&|filter| filter.from = Some(now + time::Duration::HOUR)), 0),
        (with(&|filter| filter.to = Some(OffsetDateTime::UNIX_EPOCH)), 0),
        (with(&|filter| filter.text = Some("node-3".into())), 1),
        (with(&|filter| filter.text = Some("canary".into())), 0),
        (with(&|filter| filter.text = Some("NODE-3".into())), 1),
        (with(&|filter| filter.text = Some("node\0".into())), 0),
        (with(&|filter| filter.user = Some("\0".into())), 0),
    ];
    for (filter, expected) in questions {
        let page = room
            .store
            .audit()
            .page(&filter, &PageRequest::default())
            .await
            .unwrap();
        assert_eq!(page.items.len(), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_as_the_act_of_whoever_was_refused() {
    let room = Room::open().await;
    let stranger = std::sync::Arc::new(Principal::stranger());
    let trail = Trail {
        source_ip: Some([198, 51, 100, 1].into()),
        ..Trail::default()
    };
    let decision = watchroom_model::DecisionId::mint(&room.ambient);
    let ask = Ask {
        principal: &stranger,
        trail: &trail,
        decision,
        now: room.ambient.now(),
    };
    let refusal = decide(&ask, act::RemoveServer, &Resource::all(ResourceKind::Server)).unwrap_err();
    let told: Result<(), StoreError> = room
        .store
        .write(&permit(&room.ambient, act::RecordRefusal), async move |tx| {
            tx.note_refusal(&refusal);
            Ok(())
        })
        .await;
    told.unwrap();
    let page = room
        .store
        .audit()
        .page(&AuditFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    let entry = &page.items[0];
    assert_eq!(
        (entry.user.as_str(), entry.action.as_str()),
        ("anonymous", "server.remove")
    );
    assert_eq!(
        (entry.event_type, entry.result),
        (EventType::AuthzDenied, Outcome::Denied)
    );
    assert_eq!(
        (entry.decision_id, entry.source_ip),
        (Some(decision), Some([198, 51, 100, 1].into()))
    );
}

#[tokio::test]
async fn a_checkpoint_is_signed_after_a_thousand_entries_or_a_minute() {
    let start = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let ambient = Ambient {
        clock: Clock::manual(start),
        ..Ambient::system()
    };
    let room = Room::open_with(ambient).await;
    room.add("alpha").await.unwrap();
    assert!(room.store.audit().last_checkpoint().await.unwrap().is_none());
    room.ambient.clock.advance(Duration::from_secs(61));
    room.add("beta").await.unwrap();
    let first = room.store.audit().last_checkpoint().await.unwrap().unwrap();
    assert_eq!(first.checkpoint.heads, [room.store.committed_head()]);
    assert!(first.is_signed_by(&room.store.audit().public_key()));
    add_many(&room, 990).await;
    for turn in 0..11 {
        room.add(&format!("late-{turn}")).await.unwrap();
    }
    let second = room.store.audit().last_checkpoint().await.unwrap().unwrap();
    assert_eq!(second.checkpoint.count, 1_002);
    assert_eq!(room.count("entries"), 1_003, "checkpoints leave no entries");
    let verdict = room.store.audit().verify().await.unwrap();
    assert_eq!((verdict.intact, verdict.checkpoints), (true, 2));
    room.run("UPDATE checkpoints SET line = replace(line, '1002', '1003') WHERE seq = 1002");
    assert!(!room.store.audit().verify().await.unwrap().intact);
}

#[tokio::test]
async fn the_files_hold_every_entry_and_survive_a_torn_line() {
    let room = Room::open().await;
    for turn in 0..30 {
        room.add(&format!("node-{turn}")).await.unwrap();
    }
    room.store.close().await;
    assert_eq!(mirrored(room.folder.path()).len(), 30);
    let file = std::fs::read_dir(room.folder.path().join("audit"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 40]).unwrap();
    let room = room.reopen().await;
    room.add("after").await.unwrap();
    room.store.close().await;
    assert_eq!(mirrored(room.folder.path()).len(), 31);
}
