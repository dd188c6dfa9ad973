//! Ways to sign in, and that one is left to an administrator: whoever switches off the last one would learn of it at the
//! locked door.

use std::collections::BTreeSet;
use std::fmt;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::UserId;
use watchroom_policy::{PermissionSet, Scope};
use watchroom_store::{StoreError, WriteTx};

use crate::entity::{outside_identity, passkey, user};
use crate::roll::Account;
use crate::sign_in::SignInError;
use crate::users::UserStatus;
use crate::{Identity, Provider};

/// A way in that can be switched off for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A password that is kept here.
    Password,
    /// A passkey and nothing else.
    Passkey,
}

/// What one signs in with.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "a password",
            Self::Passkey => "a passkey alone",
        })
    }
}

impl Identity {
    /// Whether people sign in here this way.
    #[must_use]
    pub fn offers(&self, method: Method) -> bool {
        let rules = &self.inner.config.methods;
        match method {
            Method::Password => rules.password,
            Method::Passkey => rules.passkey,
        }
    }

    /// Refuses a way in that is switched off.
    pub(crate) fn find_offered(&self, method: Method) -> Result<(), SignInError> {
        match self.offers(method) {
            true => Ok(()),
            false => Err(SignInError::SwitchedOff(method)),
        }
    }

    /// Whether somebody could come in by a way that is switched on, as the transaction sees their account. Identities count
    /// whether their provider is configured or not: one that is away for a day is no reason to give up the last of them.
    pub(crate) async fn has_own_way_in(&self, tx: &WriteTx, of: UserId) -> Result<bool, StoreError> {
        let id = of.to_string();
        let row = tx.one(user::Entity::find_by_id(id.as_str())).await?;
        let by_itself = row.is_some_and(|row| {
            let by_password = self.offers(Method::Password) && row.password_hash.is_some();
            by_password || (self.offers_links() && row.email.is_some())
        });
        let keys = passkey::Entity::find().filter(passkey::Column::UserId.eq(id.as_str()));
        let by_passkey = self.offers(Method::Passkey) && tx.one(keys).await?.is_some();
        let ties = outside_identity::Entity::find().filter(outside_identity::Column::UserId.eq(id.as_str()));
        Ok(by_itself || by_passkey || tx.one(ties).await?.is_some())
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
        let (passwords, passkeys) = (self.offers(Method::Password), self.offers(Method::Passkey));
        let links = self.offers_links();
        let by_themselves = administrators.iter().any(|account| {
            let by_password = passwords && account.password_hash.is_some();
            let by_passkey = passkeys && self.has_own_passkey(account);
            by_password || by_passkey || (links && account.email.is_some())
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
