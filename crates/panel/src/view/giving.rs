//! What forms share by which roles are given: which role, and where it holds.

use super::{Choice, Faults, Field};
use crate::text::EN;

/// What was typed into a form that gives a role.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivingTyped {
    /// To whom.
    pub(crate) user: String,
    /// Which.
    pub(crate) role: String,
    /// What kind of place.
    pub(crate) at: String,
    /// Its name.
    pub(crate) place: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// The fields of such a form.
#[derive(Clone, Debug)]
pub(crate) struct Giving {
    pub(crate) role: Choice,
    pub(crate) at: Choice,
    pub(crate) place: Field,
}

impl Giving {
    /// With these roles to choose from; `form` tells it from others of the page.
    pub(crate) fn new(roles: &[String], typed: &GivingTyped, form: &str) -> Self {
        let places = [
            ("everything", EN.roles_everywhere),
            ("node-label", EN.scope_label),
            ("node", EN.scope_node),
            ("server", EN.scope_server),
        ];
        let places = places.map(|(value, words)| (value.to_owned(), words.to_owned()));
        let roles = roles.iter().map(|role| (role.clone(), role.clone()));
        let or = |typed: &str, usual: &str| if typed.is_empty() { usual } else { typed }.to_owned();
        Self {
            role: Choice::new("role", EN.role, roles.collect(), or(&typed.role, "viewer"))
                .wrong(&typed.faults)
                .within(form),
            at: Choice::new("at", EN.roles_where, places.to_vec(), or(&typed.at, "everything")).within(form),
            place: Field::text("place", EN.scope_place)
                .hint(EN.scope_place_hint)
                .value(typed.place.as_str())
                .wrong(&typed.faults)
                .within(form),
        }
    }
}
