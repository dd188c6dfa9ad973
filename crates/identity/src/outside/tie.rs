//! Tying an identity to an account that one has proven to have, seeing what is tied, and untying it.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use watchroom_model::{OutsideId, UserId};
use watchroom_policy::{Permit, Principal, act};
use watchroom_store::{Changed, StoreError};

use super::create::row;
use super::{Claims, OutsideView, Outsider, Provider, TieError, TieOffer};
use crate::entity::{grant, group_member, outside_identity, session};
use crate::users::{self, ReadError};
use crate::{Identity, stamp};

/// How long an offer holds, in seconds: time to sign in with a second factor.
const HOLDS_S: u32 = 900;
/// What offers are signed for.
const PURPOSE: &str = "offer to tie an identity";
/// Most identities of one account.
const MOST: usize = 10;

/// What an offer says.
#[derive(Debug, Serialize, Deserialize)]
struct Offered {
    provider: String,
    realm: String,
    subject: String,
    label: String,
    user: UserId,
}

impl Identity {
    /// Leave for that account to tie the identity.
    pub(super) fn offer_tie(&self, outsider: &Outsider, user: UserId) -> TieOffer {
        let offered = Offered {
            provider: outsider.provider.to_string(),
            realm: outsider.realm.clone(),
            subject: outsider.subject.clone(),
            label: outsider.label(),
            user,
        };
        let until = self.inner.ambient.clock.now_micros() + stamp::seconds(HOLDS_S);
        let text = serde_json::to_string(&offered).unwrap_or_default();
        TieOffer {
            // One that is too long for a browser is none: it does not open.
            text: self
                .inner
                .signatures
                .sign(PURPOSE, until, &text)
                .unwrap_or_default(),
            label: offered.label,
            provider: outsider.provider.clone(),
        }
    }

    /// What an offer would tie, if it is this person's and holds.
    #[must_use]
    pub fn tie_offered(&self, user: UserId, offer: &str) -> Option<TieOffer> {
        let offered = self.opened_offer(user, offer)?;
        Some(TieOffer {
            text: offer.to_owned(),
            provider: offered.provider.parse().ok()?,
            label: offered.label,
        })
    }

    /// Ties what was offered to the account that the permit was given for.
    ///
    /// # Errors
    /// [`TieError`].
    pub async fn tie(&self, permit: &Permit<act::TieIdentity>, offer: &str) -> Result<(), TieError> {
        let user = permit.resource().owner().ok_or(TieError::OfferOver)?;
        let offered = self.opened_offer(user, offer).ok_or(TieError::OfferOver)?;
        let outsider = Outsider {
            provider: offered
                .provider
                .parse::<Provider>()
                .map_err(|_| TieError::OfferOver)?,
            realm: offered.realm,
            subject: offered.subject,
            user_name: Some(offered.label),
            display_name: None,
            email: None,
            proven_at: None,
            claims: Claims::new(),
        };
        let id = OutsideId::mint(&self.inner.ambient).to_string();
        let tie = row(&outsider, &id, user, self.inner.ambient.clock.now_micros());
        let provider = outsider.provider.to_string();
        let letter = self.letter_of_identities(user, permit.trail(), true);
        let tied = self.inner.store.write(permit, async move |tx| {
            if !users::is_active(tx, &user.to_string()).await? {
                return Err(TieError::OfferOver);
            }
            let own = outside_identity::Entity::find()
                .filter(outside_identity::Column::UserId.eq(user.to_string()));
            if tx.all(own).await?.len() >= MOST {
                return Err(TieError::Taken);
            }
            tx.insert(tie.clone()).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.note_resource(format!("user:{user}"));
            tx.note("provider", provider.as_str());
            tx.changed(Changed::User(user));
            Ok(())
        });
        tied.await
    }

    /// What is tied to a person, if the caller is that person or may see people.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn outside_of(
        &self,
        principal: &Principal,
        user: UserId,
    ) -> Result<Vec<OutsideView>, ReadError> {
        self.user(principal, user)?;
        let own = outside_identity::Entity::find()
            .filter(outside_identity::Column::UserId.eq(user.to_string()))
            .order_by_asc(outside_identity::Column::Id);
        let rows = self.inner.store.read().await?.all(own).await?;
        let view = |row: outside_identity::Model| {
            Some(OutsideView {
                id: row.id.parse().ok()?,
                provider: row.provider,
                label: row.label,
                created_at: stamp::at(row.created_at),
                last_used: row.last_used.map(stamp::at),
            })
        };
        Ok(rows.into_iter().filter_map(view).collect())
    }

    /// Unties an identity of the account that the permit was given for. The sessions that began at its provider end, and the
    /// roles that its rules gave go. The last way into the account stays.
    ///
    /// # Errors
    /// [`TieError`].
    pub async fn untie(&self, permit: &Permit<act::UntieIdentity>, id: OutsideId) -> Result<(), TieError> {
        let user = permit.resource().owner().ok_or(TieError::Unknown)?;
        let letter = self.letter_of_identities(user, permit.trail(), false);
        let house = self.clone();
        let untied = self.inner.store.write(permit, async move |tx| {
            let of = user.to_string();
            let own =
                outside_identity::Entity::find().filter(outside_identity::Column::UserId.eq(of.clone()));
            let own = tx.all(own).await?;
            let id = id.to_string();
            let gone = own.iter().find(|row| row.id == id).ok_or(TieError::Unknown)?;
            let provider = gone.provider.clone();
            // By which of several identities there a session began is not kept: all of them end.
            let roles = grant::Entity::delete_many()
                .filter(grant::Column::UserId.eq(of.clone()))
                .filter(grant::Column::Source.eq(provider.clone()));
            tx.note("roles_ended", tx.delete(roles).await?);
            let groups = group_member::Entity::delete_many()
                .filter(group_member::Column::UserId.eq(of.clone()))
                .filter(group_member::Column::Source.eq(provider.clone()));
            tx.note("groups_left", tx.delete(groups).await?);
            let sessions = session::Entity::delete_many()
                .filter(session::Column::UserId.eq(of))
                .filter(session::Column::BeganBy.eq(provider.clone()));
            tx.note("sessions_ended", tx.delete(sessions).await?);
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.delete(outside_identity::Entity::delete_many().filter(outside_identity::Column::Id.eq(id)))
                .await?;
            if !house.has_own_way_in(tx, user).await? {
                return Err(TieError::LastWay);
            }
            tx.note("provider", provider);
            tx.changed(Changed::User(user));
            Ok(())
        });
        untied.await?;
        self.reread(user).await.map_err(|error: StoreError| error.into())
    }

    fn opened_offer(&self, user: UserId, offer: &str) -> Option<Offered> {
        let now = self.inner.ambient.clock.now_micros();
        let text = self.inner.signatures.open(PURPOSE, offer, now)?;
        let offered: Offered = serde_json::from_str(&text).ok()?;
        (offered.user == user).then_some(offered)
    }
}
