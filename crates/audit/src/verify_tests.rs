use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;
use watchroom_kit::{Ambient, Clock, Entropy};
use watchroom_model::DecisionId;
use watchroom_policy::EventType;

use super::*;
use crate::{AuditKey, Draft, Outcome};

fn key() -> AuditKey {
    AuditKey::generate(&Entropy::seeded(7))
}

fn draft(turn: u64) -> Draft {
    let ambient = Ambient {
        clock: Clock::manual(OffsetDateTime::UNIX_EPOCH),
        ..Ambient::system()
    };
    let extra = json!({"turn": turn, "name": "Zoë \"the\" 1st\n", "nested": {"b": [1, null], "a": true}});
    Draft {
        timestamp: OffsetDateTime::UNIX_EPOCH
            + time::Duration::microseconds(i64::try_from(turn).unwrap() * 1_000_001),
        event_type: EventType::Audit,
        user: "0190".to_owned(),
        action: "server.start".to_owned(),
        resource: "server:1".to_owned(),
        result: Outcome::Success,
        source_ip: Some("2001:db8::1".parse().unwrap()),
        user_agent: turn.is_multiple_of(2).then(|| "curl/8".to_owned()),
        request_id: None,
        decision_id: Some(DecisionId::mint(&ambient)),
        extra: extra.as_object().unwrap().clone(),
    }
}

fn entries(count: u64) -> Vec<Entry> {
    let mut head = Head::start("main");
    (0..count)
        .map(|turn| {
            let entry = Entry::append(draft(turn), &head);
            head = entry.head();
            entry
        })
        .collect()
}

fn end(kind: Kind, entries: &[Entry]) -> String {
    let mut digest = LineDigest::default();
    entries
        .iter()
        .for_each(|entry| digest.line(entry.line().as_bytes()));
    let head = entries.last().map_or_else(|| Head::start("main"), Entry::head);
    let checkpoint = Checkpoint {
        kind,
        heads: vec![head],
        count: entries.len() as u64,
        digest: Some(digest.finish()),
        time: OffsetDateTime::UNIX_EPOCH,
    };
    checkpoint.sign(&key()).line()
}

fn lines(kind: Kind, entries: &[Entry]) -> Vec<String> {
    let mut lines: Vec<_> = entries.iter().map(Entry::line).collect();
    lines.push(end(kind, entries));
    lines
}

fn export(lines: &[String]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| [line.as_bytes(), b"\n"].concat())
        .collect()
}

fn verdict(bytes: &[u8]) -> Verdict {
    let mut verifier = Verifier::new(key().public());
    verifier.feed(bytes);
    verifier.finish()
}

static CHAIN: LazyLock<Vec<String>> = LazyLock::new(|| lines(Kind::Export, &entries(12)));

#[test]
fn an_untouched_export_is_intact_however_it_is_cut_into_pieces() {
    let bytes = export(&CHAIN);
    let whole = verdict(&bytes);
    assert!(whole.intact, "{:?}", whole.damage);
    assert_eq!((whole.entries, whole.checkpoints, whole.first), (12, 1, Some(1)));
    let mut verifier = Verifier::new(key().public());
    bytes.chunks(7).for_each(|piece| verifier.feed(piece));
    assert_eq!(verifier.finish(), whole);
    assert!(
        verdict(&export(&lines(Kind::Export, &[]))).intact,
        "an empty chain is a chain"
    );
}

#[test]
fn a_selection_is_genuine_and_says_that_it_is_no_chain() {
    let some: Vec<_> = entries(12)
        .into_iter()
        .filter(|entry| entry.seq % 3 == 0)
        .rev()
        .collect();
    let found = verdict(&export(&lines(Kind::Selection, &some)));
    assert!(found.intact && found.is_selection);
    assert!(found.unproven.iter().any(|limit| limit.contains("no chain")));
    let mut fewer = lines(Kind::Selection, &some);
    fewer.remove(1);
    assert_eq!(verdict(&export(&fewer)).damage.unwrap().kind, DamageKind::Lines);
}

#[test]
fn each_damage_is_named_with_the_first_bad_entry() {
    let damage = |change: fn(&mut Vec<String>)| {
        let mut lines = CHAIN.clone();
        change(&mut lines);
        verdict(&export(&lines))
            .damage
            .map(|damage| (damage.line, damage.seq, damage.kind))
    };
    let edited = damage(|lines| lines[4] = lines[4].replace("server.start", "server.stop"));
    assert_eq!(edited, Some((5, Some(5), DamageKind::Edited)));
    let removed = damage(|lines| drop(lines.remove(4)));
    assert_eq!(removed, Some((5, Some(6), DamageKind::Removed { expected: 5 })));
    let doubled = damage(|lines| lines.insert(4, lines[3].clone()));
    assert_eq!(doubled, Some((5, Some(4), DamageKind::Repeated { expected: 5 })));
    let swapped = damage(|lines| lines.swap(4, 5));
    assert_eq!(swapped, Some((5, Some(6), DamageKind::Removed { expected: 5 })));
    let inserted = damage(|lines| {
        let before: Vec<_> = lines[..4]
            .iter()
            .map(|line| Entry::read(line.as_bytes()).unwrap())
            .collect();
        lines[4] = Entry::append(draft(99), &before[3].head()).line();
    });
    assert_eq!(inserted, Some((6, Some(6), DamageKind::Inserted)));
    let cut = damage(|lines| lines.truncate(6));
    assert_eq!(cut, Some((7, Some(6), DamageKind::Truncated)));
    let tail_cut_below_the_end = damage(|lines| drop(lines.remove(11)));
    assert_eq!(
        tail_cut_below_the_end,
        Some((12, Some(12), DamageKind::Head { signed: 12 }))
    );
    let foreign_key = damage(|lines| {
        let signed = SignedCheckpoint::read(lines[12].as_bytes()).unwrap();
        lines[12] = signed
            .checkpoint
            .sign(&AuditKey::generate(&Entropy::seeded(8)))
            .line();
    });
    assert_eq!(foreign_key, Some((13, None, DamageKind::Signature)));
    let trailing = damage(|lines| lines.push(lines[3].clone()));
    assert_eq!(trailing, Some((14, None, DamageKind::Trailing)));
}

#[test]
fn a_chain_that_starts_later_hangs_from_a_signed_checkpoint_or_is_refused() {
    let all = entries(12);
    let anchor = Checkpoint {
        kind: Kind::Periodic,
        heads: vec![all[4].head()],
        count: 5,
        digest: None,
        time: OffsetDateTime::UNIX_EPOCH,
    };
    let rest = lines(Kind::Export, &all[5..]);
    let anchored: Vec<_> = std::iter::once(anchor.sign(&key()).line())
        .chain(rest.clone())
        .collect();
    let found = verdict(&export(&anchored));
    assert!(found.intact, "{:?}", found.damage);
    assert!(found.unproven.iter().any(|limit| limit.contains("before 6")));
    assert_eq!(
        verdict(&export(&rest)).damage.unwrap().kind,
        DamageKind::Removed { expected: 1 }
    );
}

#[test]
fn the_key_survives_its_file() {
    use watchroom_kit::ExposeSecret;
    let pem = key().to_pem().unwrap();
    let again = AuditKey::from_pem(pem.expose_secret()).unwrap();
    assert_eq!(again.public(), key().public());
    assert_eq!(
        again.public().to_string().parse::<PublicKey>().unwrap(),
        key().public()
    );
}

#[test]
fn every_one_byte_change_of_a_short_export_is_found() {
    let bytes = export(&lines(Kind::Export, &entries(2)));
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(!verdict(&changed).intact, "byte {at} ^ {flip:#x}");
        }
    }
}

proptest! {
    #[test]
    fn any_changed_byte_is_found_and_located(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = export(&CHAIN);
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        bytes[at] = to;
        let damage = verdict(&bytes).damage;
        prop_assert!(damage.is_some());
        prop_assert!(damage.unwrap().line.abs_diff(line) <= 1);
    }

    #[test]
    fn any_dropped_swapped_or_doubled_line_is_found(a in 0_usize..13, b in 0_usize..13) {
        let mut dropped = CHAIN.clone();
        dropped.remove(a);
        prop_assert!(!verdict(&export(&dropped)).intact);
        let mut doubled = CHAIN.clone();
        doubled.insert(b, CHAIN[a].clone());
        prop_assert!(!verdict(&export(&doubled)).intact);
        let mut swapped = CHAIN.clone();
        swapped.swap(a, b);
        prop_assert_eq!(verdict(&export(&swapped)).intact, a == b);
    }

    #[test]
    fn any_cut_tail_is_found(at in any::<prop::sample::Index>()) {
        let bytes = export(&CHAIN);
        prop_assert!(!verdict(&bytes[..at.index(bytes.len())]).intact);
    }

    #[test]
    fn whatever_is_written_reads_back(user in any::<String>(), agent in any::<Option<String>>(), note in any::<String>()) {
        let extra = json!({&note: &note}).as_object().unwrap().clone();
        let entry = Entry::append(Draft { user, user_agent: agent, extra, ..draft(1) }, &Head::start("main"));
        prop_assert_eq!(Entry::read(entry.line().as_bytes()), Ok(entry));
    }
}
