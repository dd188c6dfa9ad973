//! Making an account for somebody whom a provider vouches for. It has no password; its roles and groups are those of the
//! rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::{DisplayName, GroupId, OutsideId, UserId, UserName};
use watchroom_policy::{Principal, Resource, ResourceKind, Trail, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::enter::{Tie, renew_groups};
use super::{FromOutside, OutsideError, Outsider};
use crate::Identity;
use crate::entity::{outside_identity, user};
use crate::users::{NewAccount, NewGrant};

/// How many names are tried for somebody whose own is taken.
const MOST_NAMES: usize = 20;

/// What is written.
struct Newcomer {
    account: NewAccount,
    names: Vec<UserName>,
    tie: outside_identity::ActiveModel,
    roles: Vec<NewGrant>,
    groups: BTreeSet<GroupId>,
    provider: String,
}

impl Newcomer {
    /// Whether there was a name left.
    async fn write(&self, tx: &WriteTx) -> Result<bool, StoreError> {
        for name in &self.names {
            let taken = user::Entity::find().filter(user::Column::NameFolded.eq(name.folded()));
            if tx.one(taken).await?.is_some() {
                continue;
            }
            let account = NewAccount {
                name: name.clone(),
                ..self.account.clone()
            };
            account.insert(tx).await?;
            tx.insert(self.tie.clone()).await?;
            for role in &self.roles {
                role.insert(tx).await?;
            }
            let roles: Vec<&str> = self.roles.iter().map(|grant| grant.role.as_str()).collect();
            renew_groups(tx, account.id, &self.provider, &self.groups).await?;
            tx.note_resource(format!("user:{}", account.id));
            tx.note("roles", roles);
            tx.note("provider", self.provider.as_str());
            tx.changed(Changed::User(account.id));
            return Ok(true);
        }
        tx.note_failure();
        Ok(false)
    }
}

impl Identity {
    /// Makes an account for them, if the configuration says so and a rule gives them a role or a group.
    pub(super) async fn create_from_outside(
        &self,
        trail: &Trail,
        entering: &FromOutside<'_>,
    ) -> Result<Tie, OutsideError> {
        let (outsider, admission) = (entering.outsider, entering.admission);
        if !admission.admits(outsider.email.as_ref()) {
            return Err(OutsideError::NoAccount);
        }
        let given = self.given_by(entering);
        if given.is_nothing() {
            return Err(OutsideError::NoRole);
        }
        let stranger = Arc::new(Principal::stranger());
        let on = Resource::all(ResourceKind::User);
        let permit = self.permit(&stranger, trail, act::AdmitOutsider, &on)?;
        let names = names_of(outsider);
        let first = names.first().cloned().ok_or(OutsideError::NoAccount)?;
        let (ambient, user) = (&self.inner.ambient, UserId::mint(&self.inner.ambient));
        let at = ambient.clock.now_micros();
        let id = OutsideId::mint(ambient).to_string();
        let newcomer = Newcomer {
            account: NewAccount {
                id: user,
                display_name: shown(outsider).unwrap_or_else(|| DisplayName::from(&first)),
                name: first,
                email: outsider.email.clone(),
                call_sign: None,
                password_hash: None,
                at,
            },
            names,
            tie: row(outsider, &id, user, at),
            groups: self.groups_named(&given),
            roles: self.roles_by(user, outsider.provider.as_str(), given.roles),
            provider: outsider.provider.to_string(),
        };
        let made = self
            .inner
            .store
            .write(&permit, async move |tx| newcomer.write(tx).await);
        match made.await {
            Ok(true) => {
                self.reread(user).await?;
                Ok(Tie { id, user })
            }
            Ok(false) => Err(OutsideError::NoAccount),
            // The same person at the same moment, by another window.
            Err(StoreError::Taken {
                constraint: "outside_identity_subject_key",
            }) => self.tied(outsider).await?.ok_or(OutsideError::NoAccount),
            Err(error) => Err(error.into()),
        }
    }
}

/// The row that ties an identity to an account.
pub(super) fn row(outsider: &Outsider, id: &str, user: UserId, at: i64) -> outside_identity::ActiveModel {
    outside_identity::ActiveModel {
        id: Set(id.to_owned()),
        provider: Set(outsider.provider.to_string()),
        realm: Set(outsider.realm.clone()),
        subject: Set(outsider.subject.clone()),
        user_id: Set(user.to_string()),
        label: Set(outsider.label()),
        created_at: Set(at),
        last_used: Set(None),
    }
}

/// Their name as others see it, if it is one.
fn shown(outsider: &Outsider) -> Option<DisplayName> {
    let name = outsider.display_name.as_deref()?.trim();
    name.parse().ok()
}

/// What the account may be called, best first: what they are called there, made into a user name, then with a number.
fn names_of(outsider: &Outsider) -> Vec<UserName> {
    let before_at = |text: &str| text.split('@').next().unwrap_or_default().to_owned();
    let email = outsider.email.as_ref().map(|email| before_at(email.as_str()));
    let given = outsider
        .user_name
        .as_deref()
        .map(before_at)
        .into_iter()
        .chain(email);
    let plain = given.map(|text| plain(&text)).find(|text| text.len() >= 3);
    let plain = plain.unwrap_or_else(|| "person".to_owned());
    let numbered = (2..=MOST_NAMES).map(|number| format!("{plain}-{number}"));
    std::iter::once(plain.clone())
        .chain(numbered)
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// What of a text may stand in a user name, with room for a number.
fn plain(text: &str) -> String {
    let is_fine = |letter: &char| letter.is_ascii_alphanumeric() || "_.-".contains(*letter);
    text.chars().filter(is_fine).take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outside::{Claims, Provider};

    fn called(user_name: Option<&str>, email: Option<&str>) -> Outsider {
        Outsider {
            provider: Provider::oidc("example"),
            realm: "https://id.example".into(),
            subject: "1".into(),
            user_name: user_name.map(str::to_owned),
            display_name: None,
            email: email.map(|text| text.parse().unwrap()),
            proven_at: None,
            claims: Claims::new(),
        }
    }

    fn best(outsider: &Outsider) -> String {
        names_of(outsider)[0].to_string()
    }

    #[test]
    fn an_account_is_called_as_its_person_is_there() {
        assert_eq!(best(&called(Some("ann"), Some("a.bee@example.org"))), "ann");
        assert_eq!(best(&called(Some("ann@corp.example"), None)), "ann");
        assert_eq!(best(&called(None, Some("a.bee@example.org"))), "a.bee");
        assert_eq!(best(&called(Some("\u{5f20}"), None)), "person");
        let names = names_of(&called(Some("ann"), None));
        assert_eq!((names[1].as_str(), names.len()), ("ann-2", MOST_NAMES));
    }

    proptest! {
        #[test]
        fn there_is_a_name_for_everybody(name in "\\PC{0,80}") {
            prop_assert_eq!(names_of(&called(Some(&name), None)).len(), MOST_NAMES);
        }
    }
}
