//! The cluster CA on the page of nodes: what signs, how far a change has come, and the form that begins one.

use watchroom_fleet::nodes::CaStatus;

use super::{Faults, Field, Moment};
use crate::text::EN;

/// Characters of a fingerprint that a person compares at a glance.
const SHOWN: usize = 23;

/// The CA as it stands.
#[derive(Clone, Debug)]
pub(crate) struct CaCard {
    /// Its whole fingerprint.
    pub(crate) fingerprint: String,
    /// The beginning of it.
    pub(crate) short: String,
    /// The change that is under way, if one is.
    pub(crate) change: Option<CaChange>,
}

/// A change of the CA on its way.
#[derive(Clone, Debug)]
pub(crate) struct CaChange {
    /// Nodes that have a certificate by the new one.
    pub(crate) moved: u64,
    /// All nodes.
    pub(crate) of: u64,
    /// The same in words.
    pub(crate) words: String,
    /// Until when the one before is trusted at the latest.
    pub(crate) until: Moment,
}

impl From<&CaStatus> for CaCard {
    fn from(ca: &CaStatus) -> Self {
        let of = ca.moved + ca.left;
        Self {
            short: ca.fingerprint.chars().take(SHOWN).collect(),
            fingerprint: ca.fingerprint.clone(),
            change: ca.retires_at.map(|at| CaChange {
                moved: ca.moved,
                of,
                words: EN.ca_moved(ca.moved, of),
                until: Moment::full(at),
            }),
        }
    }
}

/// The form that makes a new CA.
#[derive(Clone, Debug)]
pub(crate) struct RotationForm {
    /// The password, where the last proof is old.
    pub(crate) password: Option<Field>,
    /// Whether it opens at once, since something was wrong.
    pub(crate) is_open: bool,
}

impl RotationForm {
    /// The form with what was wrong with it.
    pub(crate) fn new(needs_proof: bool, faults: &Faults) -> Self {
        let password = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        Self {
            password: needs_proof.then(|| password.wrong(faults).within("rotate")),
            is_open: !faults.is_empty(),
        }
    }
}
