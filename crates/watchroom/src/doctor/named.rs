//! Whether the roles and groups that the configuration names are there: people make and remove them while it stands.

use watchroom_identity::NamedInVain;
use watchroom_web::{Check, Finding};

const ID: &str = "roles";

/// What is to be said of what the configuration names in vain.
pub(super) fn examine(in_vain: &[NamedInVain]) -> Check {
    if in_vain.is_empty() {
        return Check::good(ID, "every role and group that the configuration names is there");
    }
    Check::found(
        ID,
        Finding::Warning,
        format!(
            "not there, so that they give and require nothing: {}",
            told(in_vain)
        ),
        "make them (`watchroom role create`, `watchroom group create`), or correct the configuration",
    )
}

/// The same on one line.
pub(crate) fn told(in_vain: &[NamedInVain]) -> String {
    let each = in_vain.iter().map(|one| format!("{} ({})", one.name, one.key));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_in_vain_is_told_with_where_it_stands() {
        assert_eq!(examine(&[]).finding, Finding::Good);
        let one = NamedInVain {
            key: "identity.oidc: harbour".into(),
            name: "group:ops".into(),
        };
        let check = examine(&[one]);
        assert_eq!(check.finding, Finding::Warning);
        assert!(
            check.evidence.ends_with("group:ops (identity.oidc: harbour)"),
            "{check:?}"
        );
    }
}
