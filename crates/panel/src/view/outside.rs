//! Identities at providers: the page that ties one, and rows of those that are tied.

use askama::Template;

use super::proof::Wanted;
use super::{Faults, Field, Moment, Shell};
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
    proof: Vec<Field>,
}

impl TiePage {
    /// The page, with what tying asks for.
    pub(crate) fn new(shell: Shell, provider: String, label: String, wanted: Wanted) -> Self {
        Self {
            t: &EN,
            lead: EN.tie_lead(label, provider),
            proof: wanted.fields("tie", &Faults::default()),
            shell,
        }
    }
}
