//! Ways to sign in, and that one is left to an administrator: whoever switches off the last one would learn of it at the
//! locked door.

use std::collections::BTreeSet;

use sea_orm::EntityTrait;
use watchroom_policy::{PermissionSet, Scope};
use watchroom_store::StoreError;

use crate::entity::outside_identity;
use crate::roll::Account;
use crate::users::UserStatus;
use crate::{Identity, Provider};

impl Identity {
    /// Whether people sign in here with passwords of this Watchroom.
    #[must_use]
    pub fn offers_passwords(&self) -> bool {
        self.inner.config.methods.password
    }

    /// Whether an administrator could sign in, if there is any.
    pub(crate) async fn has_way_in(&self) -> Result<bool, StoreError> {
        let is_administrator = |account: &Account| {
            let everywhere = account.grants.iter();
            let mut everywhere = everywhere.filter(|grant| grant.scope == Scope::Everything);
            let has_all = everywhere.any(|grant| grant.role.permissions == PermissionSet::ALL);
            account.status == UserStatus::Active && has_all
        };
        let administrators = self.inner.roll.accounts(is_administrator);
        if administrators.is_empty() {
            return Ok(true);
        }
        let passwords = self.offers_passwords();
        let links = self.offers_links();
        let by_themselves = administrators.iter().any(|account| {
            let by_password = passwords && account.password_hash.is_some();
            by_password || (links && account.email.is_some())
        });
        if by_themselves {
            return Ok(true);
        }
        let config = &self.inner.config;
        let oidc = config.oidc.iter().map(|rules| Provider::oidc(&rules.name));
        let ldap = config.ldap.iter().map(|rules| Provider::ldap(&rules.name));
        let there: BTreeSet<String> = oidc.chain(ldap).map(|provider| provider.to_string()).collect();
        let ties = self.inner.store.read().await?;
        let ties = ties.all(outside_identity::Entity::find()).await?;
        let is_theirs = |tie: &outside_identity::Model| {
            let mut of = administrators.iter();
            of.any(|account| account.id.to_string() == tie.user_id) && there.contains(&tie.provider)
        };
        Ok(ties.iter().any(is_theirs))
    }
}
