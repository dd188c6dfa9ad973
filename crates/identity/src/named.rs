//! What the configuration names, roles and groups, and whether they are there: only the database knows.

use crate::Identity;
use crate::config::EVERY_ROLE;
use crate::outside::{Admission, Gift};

/// A name in the configuration that names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInVain {
    /// Where it stands (`identity.oidc: harbour`).
    pub key: String,
    /// What is not there, as it stands: a role, or `group:` and a group.
    pub name: String,
}

impl Identity {
    /// The roles and groups that the configuration names and that are not there. A rule that names one gives nothing; a
    /// role that is not there requires no second factor of anybody.
    #[must_use]
    pub fn named_in_vain(&self) -> Vec<NamedInVain> {
        let config = &self.inner.config;
        let ground = self.inner.roll.ground();
        let is_there = |gift: &Gift| match gift {
            Gift::Role(name) => ground.roles.get(name).is_some(),
            Gift::Group(name) => ground.groups.named(name).is_some(),
        };
        let of = |key: String, admission: &Admission| -> Vec<NamedInVain> {
            let missing = admission.gifts().filter(|gift| !is_there(gift));
            let named = missing.map(|gift| NamedInVain {
                key: key.clone(),
                name: gift.to_string(),
            });
            named.collect()
        };
        let oidc = config
            .oidc
            .iter()
            .map(|one| (format!("identity.oidc: {}", one.name), &one.admit));
        let ldap = config
            .ldap
            .iter()
            .map(|one| (format!("identity.ldap: {}", one.name), &one.admit));
        let required = config.second_factors.required_roles.iter();
        let required = required.filter(|role| *role != EVERY_ROLE && ground.roles.get(role).is_none());
        let required = required.map(|role| NamedInVain {
            key: "identity.second_factors.required_roles".to_owned(),
            name: role.clone(),
        });
        let by_rules = oidc.chain(ldap).flat_map(|(key, admission)| of(key, admission));
        required.chain(by_rules).collect()
    }
}
