//! Identities at providers: the page that ties one, and rows of those that are tied.

use askama::Template;

use super::{Field, Moment, Shell};
use crate::text::{EN, Text};

/// One identity.
#[derive(Clone, Debug)]
pub(crate) struct IdentityRow {
    /// Its id.
    pub(crate) id: String,
    /// What people call the provider.
    pub(crate) provider: String,
    /// What the person is called there.
    pub(crate) label: String,
    /// When it was tied.
    pub(crate) tied: Moment,
    /// When it was last used.
    pub(crate) used: Option<Moment>,
}

/// What is tied, and by whom one could be vouched for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    /// One by one.
    pub(crate) rows: Vec<IdentityRow>,
    /// Providers: where a button leads, and what it says.
    pub(crate) ways: Vec<WayButton>,
}

/// A button that leads to a provider.
#[derive(Clone, Debug)]
pub(crate) struct WayButton {
    /// Where it leads.
    pub(crate) href: String,
    /// What it says.
    pub(crate) words: String,
}

/// The page that ties an identity.
#[derive(Debug, Template)]
#[template(path = "pages/tie.html")]
pub(crate) struct TiePage {
    t: &'static Text,
    shell: Shell,
    lead: String,
    proof: Option<Field>,
}

impl TiePage {
    /// The page; `needs_proof` where tying asks for the password.
    pub(crate) fn new(shell: Shell, provider: String, label: String, needs_proof: bool) -> Self {
        let proof = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        Self {
            t: &EN,
            lead: EN.tie_lead(label, provider),
            proof: needs_proof.then_some(proof),
            shell,
        }
    }
}
