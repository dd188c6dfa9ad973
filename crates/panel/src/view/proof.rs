//! The fields by which somebody proves again who they are, before they change how they sign in.

use super::{Faults, Field};
use crate::text::EN;

/// What is to be given again of what the viewer signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The password.
    pub(crate) password: bool,
    /// A code by time or a recovery code.
    pub(crate) code: bool,
}

impl Wanted {
    /// Whether all was given lately.
    pub(crate) const fn is_nothing(self) -> bool {
        !self.password && !self.code
    }

    /// A field for each, with ids of their own where forms of a page share them; none where all was given lately.
    pub(crate) fn fields(self, form: &str, faults: &Faults) -> Vec<Field> {
        let password = Field::password("password", EN.password, "current-password");
        let password = password.hint(EN.proof_whole_hint);
        let code = Field::code("code", EN.mfa_code).hint(EN.proof_code_hint);
        let wanted = [(self.password, password), (self.code, code)].into_iter();
        let wanted = wanted.filter_map(|(is_wanted, field)| is_wanted.then_some(field));
        wanted.map(|field| field.wrong(faults).within(form)).collect()
    }
}
