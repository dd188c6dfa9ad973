//! Decisions that went against somebody, kept for a while so that they can be explained.
//!
//! Kept in memory: the newest 64 of each principal, 4,096 in all, until the Host ends. What is no longer here, those who may
//! read the audit log still find there: the entry of a refusal carries the decision's id and its words.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use watchroom_model::{DecisionId, PageRequest, UserId};
use watchroom_policy::{EventType, PermissionSet, Reason, Refusal, Resource, Scope, Target};
use watchroom_store::AuditFilter;

use crate::{Records, RecordsError};

/// Decisions kept in all.
const MOST: usize = 4_096;
/// Decisions kept of one principal: nobody pushes out what others may still ask about.
const MOST_EACH: usize = 64;

/// A grant as it stood when the decision was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldView {
    /// The role.
    pub role: String,
    /// Where it holds.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// Where it came from.
    pub source: String,
    /// Whether it reaches what was asked for.
    pub reaches: bool,
    /// Which of the needed permissions it gives.
    #[schema(value_type = Vec<String>)]
    pub gives: PermissionSet,
}

/// Why somebody was refused something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DecisionView {
    /// Its id, as the refusal told it.
    pub id: DecisionId,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who asked: a pseudonymous id, with the token they came by.
    pub who: String,
    /// What they asked for (`server.restart`).
    pub act: String,
    /// On what.
    pub resource: String,
    /// Why not, in a word; `null` where only the audit log still knows of it.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// What is needed.
    #[schema(value_type = Vec<String>)]
    pub needs: PermissionSet,
    /// What they held.
    pub held: Vec<HeldView>,
    /// The whole in words.
    pub words: String,
    #[serde(skip)]
    owner: Option<UserId>,
}

impl DecisionView {
    fn of(refusal: &Refusal, at: OffsetDateTime) -> Self {
        let held = refusal.explanation.held.iter().map(|held| HeldView {
            role: held.role.clone(),
            scope: held.scope.clone(),
            source: held.source.clone(),
            reaches: held.reaches,
            gives: held.gives,
        });
        // What was hidden from somebody stays hidden from them: it is nobody's own to ask about.
        let is_hidden = matches!(refusal.reason, Reason::Hidden | Reason::Unknown);
        Self {
            id: refusal.decision,
            at,
            who: refusal.who.clone(),
            act: refusal.spec.name.to_owned(),
            resource: refusal.explanation.resource.clone(),
            reason: Some(refusal.reason),
            needs: refusal.explanation.needs,
            held: held.collect(),
            words: refusal.explanation.words.clone(),
            owner: person(&refusal.who).filter(|_| !is_hidden),
        }
    }
}

impl Target for DecisionView {
    fn resource(&self) -> Resource {
        Resource::decision(self.id, self.owner)
    }
}

/// Whoever acted, themselves or through a token.
fn person(who: &str) -> Option<UserId> {
    who.split(' ').next()?.parse().ok()
}

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<DecisionId, Arc<DecisionView>>,
    order: VecDeque<DecisionId>,
    of: HashMap<String, VecDeque<DecisionId>>,
}

impl Kept {
    fn forget(&mut self, id: DecisionId) {
        // They are few, and mostly the oldest goes, which stands in front.
        self.order.retain(|other| *other != id);
        let Some(gone) = self.by_id.remove(&id) else {
            return;
        };
        if let Some(own) = self.of.get_mut(&gone.who) {
            own.retain(|other| *other != id);
            if own.is_empty() {
                self.of.remove(&gone.who);
            }
        }
    }
}

/// The decisions that can still be explained.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Mutex<Kept>);

impl Decisions {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one. What strangers are refused is not kept: they are told no id.
    pub(crate) fn keep(&self, refusal: &Refusal, at: OffsetDateTime) {
        if refusal.reason == Reason::Unknown {
            return;
        }
        let view = Arc::new(DecisionView::of(refusal, at));
        let (id, who) = (view.id, view.who.clone());
        let mut kept = self.kept();
        kept.by_id.insert(id, view);
        kept.order.push_back(id);
        let own = kept.of.entry(who).or_default();
        own.push_back(id);
        let oldest = (own.len() > MOST_EACH).then(|| own.pop_front()).flatten();
        if let Some(oldest) = oldest {
            kept.forget(oldest);
        }
        while kept.by_id.len() > MOST {
            match kept.order.front().copied() {
                Some(oldest) => kept.forget(oldest),
                None => break,
            }
        }
    }

    fn find(&self, id: DecisionId) -> Option<DecisionView> {
        self.kept().by_id.get(&id).map(|view| view.as_ref().clone())
    }
}

impl Records {
    /// A decision that is still in memory. Who may see it is asked of it as of any other thing.
    #[must_use]
    pub fn decision(&self, id: DecisionId) -> Option<DecisionView> {
        self.decisions.find(id)
    }

    /// What the audit log says of a decision, for those who may read that: its words, if the refusal got an entry of its
    /// own.
    ///
    /// # Errors
    /// [`RecordsError`] if the store cannot be read.
    pub async fn decision_in_log(&self, id: DecisionId) -> Result<Option<DecisionView>, RecordsError> {
        // An id tells when it was made, and the entry follows at once: little of the log is looked through.
        let Some(made) = id.as_uuid().get_timestamp() else {
            return Ok(None);
        };
        let (seconds, _) = made.to_unix();
        let made = i64::try_from(seconds)
            .ok()
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        let Some(made) = made else { return Ok(None) };
        let filter = AuditFilter {
            event_type: Some(EventType::AuthzDenied),
            decision: Some(id),
            from: Some(made - Duration::MINUTE),
            to: Some(made + Duration::HOUR),
            ..AuditFilter::default()
        };
        let page = self.store.audit().page(&filter, &PageRequest::default()).await?;
        let entry = page.items.into_iter().find(|entry| entry.decision_id == Some(id));
        Ok(entry.map(|entry| DecisionView {
            id,
            at: entry.timestamp,
            words: entry
                .extra
                .get("reason")
                .and_then(|words| words.as_str())
                .unwrap_or_default()
                .to_owned(),
            who: entry.user,
            act: entry.action,
            resource: entry.resource,
            reason: None,
            needs: PermissionSet::NONE,
            held: Vec::new(),
            owner: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchroom_kit::Ambient;
    use watchroom_policy::{Ask, Principal, ResourceKind, Trail, Who, act, decide};

    use super::*;

    fn refusal(ambient: &Ambient, who: &Arc<Principal>) -> Refusal {
        let ask = Ask {
            principal: who,
            trail: &Trail::default(),
            decision: DecisionId::mint(ambient),
            now: OffsetDateTime::UNIX_EPOCH,
        };
        *decide(&ask, act::ListNodes, &Resource::all(ResourceKind::Node)).unwrap_err()
    }

    fn person_called(ambient: &Ambient, name: &str) -> Arc<Principal> {
        let who = Who::User {
            id: UserId::mint(ambient),
            name: name.parse().unwrap(),
        };
        Arc::new(Principal {
            who,
            ..Principal::stranger()
        })
    }

    #[test]
    fn one_person_pushes_out_their_own_decisions_and_nobody_elses() {
        let ambient = Ambient::system();
        let decisions = Decisions::default();
        let (vera, olga) = (person_called(&ambient, "vera"), person_called(&ambient, "olga"));
        let hers = refusal(&ambient, &vera);
        decisions.keep(&hers, OffsetDateTime::UNIX_EPOCH);
        let all: Vec<_> = (0..MOST * 2).map(|_| refusal(&ambient, &olga)).collect();
        for one in &all {
            decisions.keep(one, OffsetDateTime::UNIX_EPOCH);
        }
        assert!(decisions.find(hers.decision).is_some());
        let left = all
            .iter()
            .filter(|one| decisions.find(one.decision).is_some())
            .count();
        assert_eq!(left, MOST_EACH);
        let kept = decisions.kept();
        assert_eq!(kept.order.len(), MOST_EACH + 1);
        assert_eq!(kept.of.len(), 2);
    }

    #[test]
    fn many_people_are_kept_up_to_the_bound_the_newest_of_them() {
        let ambient = Ambient::system();
        let decisions = Decisions::default();
        let all: Vec<_> = (0..MOST + 10)
            .map(|n| refusal(&ambient, &person_called(&ambient, &format!("person-{n}"))))
            .collect();
        for one in &all {
            decisions.keep(one, OffsetDateTime::UNIX_EPOCH);
        }
        assert!(decisions.find(all[0].decision).is_none());
        assert!(decisions.find(all[MOST + 9].decision).is_some());
        assert_eq!(decisions.kept().by_id.len(), MOST);
        assert_eq!(decisions.kept().of.len(), MOST);
    }

    #[test]
    fn what_strangers_are_refused_is_not_kept() {
        let ambient = Ambient::system();
        let decisions = Decisions::default();
        let refused = refusal(&ambient, &Arc::new(Principal::stranger()));
        decisions.keep(&refused, OffsetDateTime::UNIX_EPOCH);
        assert!(decisions.find(refused.decision).is_none());
    }
}
