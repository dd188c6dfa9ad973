//! What it takes to let a request in: identity, the limits of the shield, and a place to note refusals.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use watchroom_identity::Identity;
use watchroom_kit::Ambient;
use watchroom_policy::{Refusal, Trail};
use watchroom_shield::Shield;

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
pub struct Entrance(Arc<EntranceParts>);

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
        Self(Arc::new(parts))
    }
}

impl Deref for Entrance {
    type Target = EntranceParts;

    fn deref(&self) -> &EntranceParts {
        &self.0
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").finish_non_exhaustive()
    }
}
