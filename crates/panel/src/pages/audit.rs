//! `GET /audit`, `POST /audit/verify`.

use axum::extract::State;
use axum::response::Response;
use watchroom_model::{PageRequest, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_records::{EntryView, RecordFilter, VerdictView};
use watchroom_web::{Problem, Query};

use super::deed::deed;
use super::entry::Nothing;
use super::no_such_page;
use crate::text::EN;
use crate::view::audit::{AuditPage, AuditRow, AuditSought, Fact};
use crate::view::device::device;
use crate::view::{Flash, Moment, Section};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// How many entries stand on a page.
const PAGE: u32 = 50;

pub(super) async fn search(
    viewer: Viewer,
    State(panel): State<Panel>,
    Query(sought): Query<AuditSought>,
) -> Result<Response, Problem> {
    let log = Resource::all(ResourceKind::Audit);
    let permit = viewer.caller.permit(act::ReadAudit, &log)?;
    let cursor = (!sought.cursor.is_empty()).then(|| sought.cursor.clone());
    let page = PageRequest {
        limit: Some(PAGE),
        cursor,
    };
    page.limit().map_err(no_such_page)?;
    let found = panel
        .records
        .search(&permit, filter(&panel, &sought), &page)
        .await?;
    let rows = found
        .items
        .into_iter()
        .map(|entry| row(&viewer, &panel, entry))
        .collect();
    let shell = viewer.shell(Section::Audit, EN.nav_audit);
    let may_verify = viewer.may(act::VerifyAudit, &log);
    viewer.page(&AuditPage::new(
        shell,
        &sought,
        (rows, found.next_cursor),
        may_verify,
    ))
}

/// The search as the log wants it: people by their id, times with their zone.
fn filter(panel: &Panel, sought: &AuditSought) -> RecordFilter {
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let id_of = |name: &String| {
        name.parse::<UserName>()
            .ok()
            .and_then(|name| panel.identity().id_of(&name))
    };
    RecordFilter {
        from: given(&sought.from).map(|text| in_utc(&text)),
        to: given(&sought.to).map(|text| in_utc(&text)),
        user: given(&sought.user).map(|name| id_of(&name).map_or(name, |id| id.to_string())),
        event_type: given(&sought.event_type),
        action: given(&sought.action),
        resource: given(&sought.resource),
        result: given(&sought.result),
        source_ip: given(&sought.source_ip),
        text: given(&sought.text),
    }
}

/// A `datetime-local` value, which has no zone and perhaps no seconds, as RFC 3339; anything else as it is.
fn in_utc(typed: &str) -> String {
    match typed.len() {
        16 => format!("{typed}:00Z"),
        19 => format!("{typed}Z"),
        _ => typed.to_owned(),
    }
}

/// An entry with names in the place of ids, where they still resolve.
pub(super) fn row(viewer: &Viewer, panel: &Panel, entry: EntryView) -> AuditRow {
    let deed = deed(viewer, panel, &entry);
    let fact = |label, value: Option<String>| {
        let exact = String::new();
        value.map(|value| Fact { label, value, exact })
    };
    let browser = entry.user_agent.map(|said| Fact {
        label: EN.fact_browser,
        value: device(&said),
        exact: said,
    });
    let facts = [
        fact(EN.audit_event, Some(entry.event_type.word().to_owned())),
        fact(EN.audit_result, Some(entry.result.word().to_owned())),
        fact(EN.audit_actor, Some(entry.user)),
        fact(EN.audit_resource, Some(entry.resource)),
        fact(EN.address, entry.source_ip.map(|address| address.to_string())),
        browser,
        fact(EN.fact_request, entry.request_id.map(|id| id.to_string())),
        fact(EN.fact_decision, entry.decision_id.map(|id| id.to_string())),
        fact(EN.fact_chain, Some(entry.chain)),
        fact(EN.fact_hash, Some(entry.hash)),
    ];
    AuditRow {
        seq: entry.seq,
        at: Moment::full(entry.timestamp),
        deed,
        facts: facts.into_iter().flatten().collect(),
        extra: if entry.extra.is_empty() {
            String::new()
        } else {
            serde_json::to_string_pretty(&entry.extra).unwrap_or_default()
        },
    }
}

pub(super) async fn verify(
    State(panel): State<Panel>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::VerifyAudit, &Resource::all(ResourceKind::Audit))?;
    let verdict = panel.records.verify(&permit).await?;
    answer::redirect_with("/audit", &verdict_in_words(&verdict))
}

/// The verdict, with what it does not prove.
fn verdict_in_words(verdict: &VerdictView) -> Flash {
    let unproven = if verdict.unproven.is_empty() {
        String::new()
    } else {
        format!(" {}", EN.audit_unproven(verdict.unproven.join("; ")))
    };
    match &verdict.damage {
        None if verdict.intact => Flash::done(format!(
            "{}{unproven}",
            EN.audit_intact(verdict.checkpoints, verdict.entries)
        )),
        damage => Flash::trouble(EN.audit_damaged(damage.as_deref().unwrap_or(EN.not_known))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_form_are_utc() {
        assert_eq!(in_utc("2026-11-20T17:58"), "2026-11-20T17:58:00Z");
        assert_eq!(in_utc("2026-11-20T17:58:09"), "2026-11-20T17:58:09Z");
        assert_eq!(in_utc("2026-11-20T17:58:09+01:00"), "2026-11-20T17:58:09+01:00");
    }

    #[test]
    fn a_verdict_never_claims_more_than_it_proves() {
        let verdict = VerdictView {
            intact: true,
            entries: 412,
            checkpoints: 3,
            damage: None,
            unproven: vec!["that nobody with the key rewrote everything".to_owned()],
            public_key: String::new(),
            verified_at: time::OffsetDateTime::UNIX_EPOCH,
        };
        let words = verdict_in_words(&verdict).text;
        assert!(
            words.contains("412") && words.contains("rewrote everything"),
            "{words}"
        );
        let broken = VerdictView {
            intact: false,
            damage: Some("entry 7 was changed".to_owned()),
            ..verdict
        };
        assert!(verdict_in_words(&broken).text.contains("entry 7 was changed"));
    }
}
