//! What it takes to let a request in: identity, the limits of the shield, and a place to note refusals.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use watchroom_identity::Identity;
use watchroom_kit::{Ambient, Fault, FaultKind, FieldFault};
use watchroom_model::UserId;
use watchroom_policy::{Refusal, Trail};
use watchroom_shield::{BodyForm, LimitKey, Objection, Passed, Shield, Spotted, Window};

use crate::Problem;
use crate::caller::NotPassed;
use crate::extract::UnreadBody;
use crate::tickets::Tickets;

/// Successful sign-ins of one person that give their attempt back to the address they came from.
const SUCCESSES: Window = Window::per_minute(10);

/// Where refusals are noted, so that they reach the audit log without costing the request a write.
pub trait RefusalLog: Send + Sync + 'static {
    /// Notes one. Must not block.
    fn refused(&self, refusal: &Refusal);

    /// Notes a request without the proofs against cross-site requests. Must not block.
    fn forged(&self, who: &str, trail: &Trail);
}

/// What [`crate::Caller`] and the form extractors need; part of every handler's state. Cloning is cheap, as it
/// happens for each request.
#[derive(Clone)]
pub struct Entrance(Arc<Inner>);

struct Inner {
    parts: EntranceParts,
    tickets: Tickets,
}

/// The parts of an [`Entrance`].
pub struct EntranceParts {
    /// Who people are.
    pub identity: Identity,
    /// The edge, for limits by person.
    pub shield: Shield,
    /// Time and chance.
    pub ambient: Ambient,
    /// Where refusals go.
    pub refusals: Arc<dyn RefusalLog>,
    /// The uid we run as: on the Unix socket it and root are believed.
    pub own_uid: u32,
}

impl Entrance {
    /// An entrance of these parts.
    #[must_use]
    pub fn new(parts: EntranceParts) -> Self {
        let tickets = Tickets::default();
        Self(Arc::new(Inner { parts, tickets }))
    }

    /// The tickets to streams that are out.
    pub(crate) fn tickets(&self) -> &Tickets {
        &self.0.tickets
    }

    /// A successful sign-in costs the address no attempt, unless somebody signs in as if it cost nothing.
    pub async fn signed_in(&self, passed: &Passed, user: UserId) {
        let limits = self.shield.limits();
        let user = LimitKey::Id(user.as_uuid());
        let often = limits.take_everywhere("signed-in", user, &[SUCCESSES]).await;
        if often.is_none_or(|verdict| !verdict.is_limited) {
            self.shield.give_back(passed);
        }
    }

    /// Has the shield inspect a body before anything is made of it; whether it could be read to its end. Every
    /// extractor of a body calls this.
    pub(crate) fn inspect(
        &self,
        passed: Option<&Passed>,
        form: BodyForm,
        body: &[u8],
    ) -> Result<bool, Problem> {
        let passed = passed.ok_or(NotPassed)?;
        match self.shield.inspect_body(passed, form, body) {
            Ok(()) => Ok(true),
            Err(Objection::Unreadable) => Ok(false),
            Err(Objection::TooMuch) => Err(UnreadBody::TooLarge.into()),
            Err(Objection::Spotted(spotted)) => Err(InputRefused(spotted).into()),
        }
    }
}

/// Input that looks like an attack.
#[derive(Debug, thiserror::Error)]
#[error("{} looks like {}", .0.field, .0.class().words())]
struct InputRefused(Spotted);

impl Fault for InputRefused {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }

    fn slug(&self) -> &'static str {
        "input-refused"
    }

    fn public(&self) -> String {
        "something in the request looks like an attack; if it is none, put it in other words".to_owned()
    }

    fn fields(&self) -> Vec<FieldFault> {
        vec![self.0.fault()]
    }
}

impl Deref for Entrance {
    type Target = EntranceParts;

    fn deref(&self) -> &EntranceParts {
        &self.0.parts
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").finish_non_exhaustive()
    }
}
