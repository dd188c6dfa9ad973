//! The one evaluator: a total function from who, what and on what to a permit or a refusal with its reason.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::DecisionId;

use crate::{
    Act, ActSpec, FreshProof, HouseAct, Needs, Permission, PermissionSet, Principal, Reach, Resource, Scope,
    SecondFactor, Target, Trail, Who,
};

/// Who asks, from where, when, and under which id the answer is kept.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub principal: &'a Arc<Principal>,
    /// The request around it.
    pub trail: &'a Trail,
    /// The decision's id.
    pub decision: DecisionId,
    /// Now.
    pub now: OffsetDateTime,
}

/// Leave to do `A` to one resource. Only [`decide`] makes them; services and the store take nothing less.
#[derive(Clone, Debug)]
pub struct Permit<A> {
    principal: Arc<Principal>,
    resource: Resource,
    trail: Trail,
    decision: DecisionId,
    act: PhantomData<fn() -> A>,
}

impl<A: Act> Permit<A> {
    /// Who was given leave.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// For what.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The request around it.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The decision's id.
    #[must_use]
    pub fn decision(&self) -> DecisionId {
        self.decision
    }

    /// What is known of the act.
    #[must_use]
    pub fn spec(&self) -> ActSpec {
        A::SPEC
    }
}

impl<A: HouseAct> Permit<A> {
    /// Leave for Watchroom itself to do one of its own acts: there is nothing to decide.
    #[must_use]
    pub fn of_house(on: &impl Target, decision: DecisionId) -> Self {
        let principal = Arc::new(Principal::system());
        Self {
            principal,
            resource: on.resource(),
            trail: Trail::default(),
            decision,
            act: PhantomData,
        }
    }
}

/// Why a decision went against the principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody known asks.
    Unknown,
    /// The principal may not even know that the thing exists.
    Hidden,
    /// A permission is missing.
    Missing,
    /// A second factor is required and has not been proven.
    SecondFactor,
    /// A fresh proof is needed.
    StepUp,
    /// Everything that the account signs in with must be proven again, and part of it has not been.
    WholeStepUp,
    /// The token was not made for sensitive acts.
    TokenNotSensitive,
    /// The act is not one that people or tokens do.
    NotForPeople,
    /// The act is a person's alone.
    NotForTokens,
    /// A lock is on the principal.
    Locked,
}

/// A grant as an explanation shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The role.
    pub role: String,
    /// Where it holds.
    pub scope: Scope,
    /// Where it came from.
    pub source: String,
    /// Whether it reaches the resource.
    pub reaches: bool,
    /// Which of the needed permissions it gives.
    pub gives: PermissionSet,
}

/// The trace of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The act.
    pub act: &'static str,
    /// The resource as the audit log names it.
    pub resource: String,
    /// The permissions that are needed.
    pub needs: PermissionSet,
    /// What the principal holds.
    pub held: Vec<Held>,
    /// The same in words.
    pub words: String,
}

/// A decision against the principal.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{who} may not {} {}: {reason:?}", spec.name, resource)]
pub struct Refusal {
    /// Under which id it is kept.
    pub decision: DecisionId,
    /// Why.
    pub reason: Reason,
    /// What was asked for.
    pub spec: ActSpec,
    /// On what.
    pub resource: Resource,
    /// Who asked, as the audit log calls them.
    pub who: String,
    /// The request around it.
    pub trail: Trail,
    /// Until when, where a lock is the reason.
    pub locked_until: Option<OffsetDateTime>,
    /// The trace.
    pub explanation: Explanation,
}

/// Decides. Pure and total: the same question has the same answer, and every question has one.
///
/// # Errors
/// [`Refusal`], with the reason and the trace.
pub fn decide<A: Act>(ask: &Ask<'_>, _act: A, on: &impl Target) -> Result<Permit<A>, Box<Refusal>> {
    let resource = on.resource();
    match verdict(ask.principal, &A::SPEC, &resource, ask.now) {
        Ok(()) => Ok(Permit {
            principal: Arc::clone(ask.principal),
            resource,
            trail: ask.trail.clone(),
            decision: ask.decision,
            act: PhantomData,
        }),
        Err(reason) => Err(Box::new(Refusal {
            decision: ask.decision,
            reason,
            spec: A::SPEC,
            who: ask.principal.audit_name(),
            trail: ask.trail.clone(),
            locked_until: ask.principal.locked_until.filter(|_| reason == Reason::Locked),
            explanation: explain(ask.principal, &A::SPEC, &resource, Some(reason)),
            resource,
        })),
    }
}

fn verdict(principal: &Principal, spec: &ActSpec, on: &Resource, now: OffsetDateTime) -> Result<(), Reason> {
    match spec.needs {
        Needs::Nothing => return Ok(()),
        Needs::System => {
            return if principal.who == Who::System {
                Ok(())
            } else {
                Err(Reason::NotForPeople)
            };
        }
        Needs::Node => {
            return if matches!(principal.who, Who::Node { .. }) {
                Ok(())
            } else {
                Err(Reason::NotForPeople)
            };
        }
        Needs::SignedIn
        | Needs::FirstFactor
        | Needs::Enrolment
        | Needs::Permissions(_)
        | Needs::OwnerOr(_) => {}
    }
    match principal.who {
        Who::Local { .. } => return Ok(()),
        Who::Stranger => return Err(Reason::Unknown),
        Who::System | Who::Node { .. } => return Err(Reason::NotForPeople),
        Who::User { .. } | Who::Token { .. } => {}
    }
    if principal.is_locked(now) {
        return Err(Reason::Locked);
    }
    has_second_factor(principal, spec.needs)?;
    match spec.needs {
        Needs::Permissions(needed) => holds_all(principal, needed, spec, on)?,
        Needs::OwnerOr(needed) => {
            let is_owner =
                on.owner().is_some() && on.owner() == principal.user() && owns_by(principal, needed);
            let may_for_others = !needed.is_empty() && holds_all(principal, needed, spec, on).is_ok();
            if !is_owner && !may_for_others {
                return Err(concealed(principal, spec, on));
            }
        }
        _ => {}
    }
    is_fresh(principal, spec.fresh_proof, now)
}

/// Who lacks a second factor may end or prove the session they have, and enrol the first factor where there is none:
/// with one to prove, nobody adds another in its place.
fn has_second_factor(principal: &Principal, needs: Needs) -> Result<(), Reason> {
    let is_person = matches!(principal.who, Who::User { .. });
    match (needs, principal.proof.second_factor) {
        (Needs::FirstFactor | Needs::Enrolment, _) if !is_person => Err(Reason::NotForTokens),
        (Needs::FirstFactor, _) | (Needs::Enrolment, SecondFactor::ToEnrol) => Ok(()),
        (_, standing) if standing.is_lacking() => Err(Reason::SecondFactor),
        _ => Ok(()),
    }
}

/// Whether what the principal came with carries its owner's ownership: a token that was given less than all its
/// owner may owns only what its ceiling names, and never what is a person's alone.
fn owns_by(principal: &Principal, needed: &[Permission]) -> bool {
    let is_token = matches!(principal.who, Who::Token { .. });
    let is_within = principal
        .ceiling
        .is_none_or(|ceiling| ceiling.covers(PermissionSet::of(needed)));
    !is_token || (is_within && !needed.is_empty())
}

fn holds_all(
    principal: &Principal,
    needed: &[Permission],
    spec: &ActSpec,
    on: &Resource,
) -> Result<(), Reason> {
    if held_on(principal, on).covers(PermissionSet::of(needed)) {
        Ok(())
    } else {
        Err(concealed(principal, spec, on))
    }
}

/// Hide before refusing: who may not know of the thing is told that there is none.
fn concealed(principal: &Principal, spec: &ActSpec, on: &Resource) -> Reason {
    match spec.known_by {
        Some(permission) if on.id().is_some() && !held_on(principal, on).has(permission) => Reason::Hidden,
        _ => Reason::Missing,
    }
}

fn held_on(principal: &Principal, on: &Resource) -> PermissionSet {
    let held = principal
        .grants
        .iter()
        .filter(|grant| grant.scope.covers(on))
        .fold(PermissionSet::NONE, |held, grant| {
            held.union(grant.role.permissions)
        });
    principal
        .ceiling
        .map_or(held, |ceiling| held.intersection(ceiling))
}

fn is_fresh(principal: &Principal, wanted: FreshProof, now: OffsetDateTime) -> Result<(), Reason> {
    let proof = &principal.proof;
    match (wanted, &principal.who) {
        (FreshProof::NotNeeded, _)
        | (
            _,
            Who::Token {
                may_be_sensitive: true,
                ..
            },
        ) => Ok(()),
        (_, Who::Token { .. }) => Err(Reason::TokenNotSensitive),
        (FreshProof::Any, _) if proof.is_fresh(now) => Ok(()),
        (FreshProof::Any, _) => Err(Reason::StepUp),
        (FreshProof::Whole, _) if proof.is_whole(now) => Ok(()),
        (FreshProof::Whole, _) => Err(Reason::WholeStepUp),
    }
}

/// What of a list the principal may see with this permission.
#[must_use]
pub fn reach(principal: &Principal, permission: Permission) -> Reach {
    match principal.who {
        Who::Local { .. } | Who::System => return Reach::Everything,
        Who::Stranger | Who::Node { .. } => return Reach::Nothing,
        Who::User { .. } | Who::Token { .. } => {}
    }
    let is_above_ceiling = principal.ceiling.is_some_and(|ceiling| !ceiling.has(permission));
    // Nobody says here what time it is: who has a lock waits until it is taken off them.
    let is_kept_out = principal.proof.second_factor.is_lacking() || principal.locked_until.is_some();
    if is_kept_out || is_above_ceiling {
        return Reach::Nothing;
    }
    let (mut nodes, mut node_labels, mut servers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for grant in principal
        .grants
        .iter()
        .filter(|grant| grant.role.permissions.has(permission))
    {
        match &grant.scope {
            Scope::Everything => return Reach::Everything,
            Scope::Node(node) => _ = nodes.insert(*node),
            Scope::NodeLabel { key, value } => _ = node_labels.insert((key.clone(), value.clone())),
            Scope::Server(server) => _ = servers.insert(*server),
        }
    }
    if nodes.is_empty() && node_labels.is_empty() && servers.is_empty() {
        return Reach::Nothing;
    }
    Reach::Within {
        nodes,
        node_labels,
        servers,
    }
}

/// The trace of a decision, made again from the same inputs; `reason` is `None` where it was allowed.
#[must_use]
pub fn explain(principal: &Principal, spec: &ActSpec, on: &Resource, reason: Option<Reason>) -> Explanation {
    let needs = match spec.needs {
        Needs::Permissions(needed) | Needs::OwnerOr(needed) => PermissionSet::of(needed),
        Needs::SignedIn
        | Needs::FirstFactor
        | Needs::Enrolment
        | Needs::Nothing
        | Needs::System
        | Needs::Node => PermissionSet::NONE,
    };
    let held: Vec<_> = principal
        .grants
        .iter()
        .map(|grant| Held {
            role: grant.role.name.clone(),
            scope: grant.scope.clone(),
            source: grant.source.to_string(),
            reaches: grant.scope.covers(on),
            gives: grant.role.permissions.intersection(needs),
        })
        .collect();
    let words = match (reason, principal.locked_until) {
        (Some(Reason::Locked), Some(until)) => locked_in_words(until),
        _ => in_words(needs, on, &held, reason),
    };
    Explanation {
        act: spec.name,
        resource: on.to_string(),
        needs,
        held,
        words,
    }
}

/// What everybody hears whom a lock keeps out, whichever way they come.
#[must_use]
pub fn locked_in_words(until: OffsetDateTime) -> String {
    let until = until.replace_nanosecond(0).unwrap_or(until);
    let until = until.format(&Rfc3339).unwrap_or_default();
    format!("access is locked until {until}; an administrator can lift the lock before")
}

fn in_words(needs: PermissionSet, on: &Resource, held: &[Held], reason: Option<Reason>) -> String {
    let needed: Vec<_> = needs.iter().map(Permission::name).collect();
    let needed = if needed.is_empty() {
        "to be signed in".to_owned()
    } else {
        needed.join(" and ")
    };
    let holds = match held {
        [] => "you hold no role".to_owned(),
        grants => {
            let roles: Vec<_> = grants
                .iter()
                .map(|held| format!("{} at {} ({})", held.role, held.scope, held.source))
                .collect();
            format!("you hold {}", roles.join(", "))
        }
    };
    let end = match reason {
        None => "allowed",
        Some(Reason::StepUp) => "prove again who you are: the last proof is older than 10 minutes",
        Some(Reason::WholeStepUp) => {
            "prove again who you are, by your password and, if you have one, a second factor: the last such proof is older \
             than 10 minutes"
        }
        Some(Reason::TokenNotSensitive) => "the token was not made with --allow-sensitive",
        Some(Reason::SecondFactor) => "a second factor is required first",
        Some(Reason::Unknown) => "nobody is signed in",
        Some(Reason::NotForTokens) => "this is for a person with a session to do",
        Some(Reason::NotForPeople) => "this is not for people or tokens to do",
        Some(Reason::Hidden | Reason::Missing | Reason::Locked) => "refused",
    };
    format!("needs {needed} on {}; {holds}; {end}", on.describe())
}

impl Fault for Refusal {
    fn kind(&self) -> FaultKind {
        match self.reason {
            Reason::Unknown => FaultKind::Unauthenticated,
            Reason::Hidden => FaultKind::NotFound,
            Reason::Locked => FaultKind::Locked,
            Reason::Missing
            | Reason::SecondFactor
            | Reason::StepUp
            | Reason::WholeStepUp
            | Reason::TokenNotSensitive
            | Reason::NotForTokens
            | Reason::NotForPeople => FaultKind::Forbidden,
        }
    }

    fn slug(&self) -> &'static str {
        match self.reason {
            Reason::Unknown => "not-signed-in",
            Reason::Hidden => "not-found",
            Reason::Missing | Reason::NotForPeople | Reason::NotForTokens => "permission-missing",
            Reason::SecondFactor => "second-factor-required",
            Reason::Locked => "access-locked",
            Reason::StepUp | Reason::WholeStepUp | Reason::TokenNotSensitive => "step-up-required",
        }
    }

    fn public(&self) -> String {
        match self.reason {
            Reason::Unknown => "sign in, or send a valid token".to_owned(),
            Reason::Hidden => "there is no such thing, or you may not know of it".to_owned(),
            _ => self.explanation.words.clone(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        match self.reason {
            Reason::Unknown | Reason::Hidden => Vec::new(),
            _ => {
                let until = self.locked_until.and_then(|until| until.format(&Rfc3339).ok());
                let until = until.map(|until| ("locked_until", json!(until)));
                let decision = ("decision_id", json!(self.decision));
                std::iter::once(decision).chain(until).collect()
            }
        }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
