//! Rotating the cluster CA, as a person orders it.

use std::sync::atomic::Ordering;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Permit, Resource, ResourceKind, act};
use watchroom_store::{Changed, StoreError};

use super::Generation;
use super::generations::{SUCCESSION, entity};
use crate::{AuthorityError, Fleet, FleetEvent, Outcome};

/// A rotation of the cluster CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CaRotation {
    /// Whether it began now, or was under way already.
    pub outcome: Outcome,
    /// The fingerprint of the CA that signs now; join URLs made before do not hold it.
    pub fingerprint: String,
    /// When the CA before it is trusted no longer, even if a node has not moved.
    #[serde(with = "time::serde::rfc3339")]
    pub retires_at: OffsetDateTime,
}

/// Why the cluster CA was not rotated.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RotationError {
    /// The new one cannot be made or kept.
    #[error("the new cluster CA could not be made: {0}")]
    Keys(String),
    /// It cannot be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for RotationError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Keys(_) => FaultKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Keys(_) => "ca-not-rotated",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Keys(_) => "the new cluster CA could not be made; the Host's log says why".to_owned(),
            Self::Store(error) => error.public(),
        }
    }
}

impl Fleet {
    /// Makes a new cluster CA: it signs from now on, on every Host; every node is told and moves to it, and the one
    /// before retires when all have, at the latest when the answer says. One rotation is under way at a time: of two
    /// Hosts that begin one at once, one wins and the other is told of that.
    ///
    /// # Errors
    /// [`RotationError`].
    pub async fn rotate_ca(&self, permit: &Permit<act::RotateCa>) -> Result<CaRotation, RotationError> {
        let outcome = match self.authority().retires_at() {
            Some(_) => Outcome::AlreadySo,
            None => self.succeed(permit).await?,
        };
        if outcome == Outcome::AlreadySo {
            let said = self.store().write(permit, async move |tx| {
                tx.note("outcome", crate::servers::word(&Outcome::AlreadySo));
                Ok::<_, StoreError>(())
            });
            said.await?;
        }
        self.reload_authorities().await?;
        Ok(CaRotation {
            outcome,
            fingerprint: self.authority().fingerprint(&self.authority().ca()),
            retires_at: self
                .authority()
                .retires_at()
                .unwrap_or_else(|| self.ambient().now()),
        })
    }

    async fn succeed(&self, permit: &Permit<act::RotateCa>) -> Result<Outcome, RotationError> {
        let next = self.authority().successor();
        let next = next.map_err(|error| RotationError::Keys(error.to_string()))?;
        let unused = next.clone();
        // Whoever asked may be gone before it is read back.
        self.is_behind().store(true, Ordering::Release);
        let written = self
            .store()
            .write(permit, async move |tx| {
                let known = tx.all(entity::Entity::find()).await?;
                // What another Host has begun meanwhile, or even ended, may not have reached us yet.
                if known.len() != 1
                    || known
                        .iter()
                        .all(|one| Some(&one.fingerprint) != next.replaces.as_ref())
                {
                    return Err(StoreError::Taken {
                        constraint: SUCCESSION,
                    });
                }
                next.clone().insert(tx).await?;
                tx.note("outcome", crate::servers::word(&Outcome::Done));
                tx.note("fingerprint", next.fingerprint.clone());
                tx.changed(Changed::Authorities);
                Ok(())
            })
            .await;
        match written {
            Ok(()) => Ok(Outcome::Done),
            Err(StoreError::Taken {
                constraint: SUCCESSION,
            }) => {
                self.authority().discard(&unused);
                Ok(Outcome::AlreadySo)
            }
            Err(error) if error.leaves_doubt() => {
                tracing::warn!(
                    fingerprint = unused.fingerprint,
                    "nobody knows whether the next cluster CA came into the database; if not, and its key is in a security module, that is left there"
                );
                Err(error.into())
            }
            Err(error) => {
                self.authority().discard(&unused);
                Err(error.into())
            }
        }
    }

    /// Lets the CA before the one that signs retire, on every Host. Says whether it was this Host that did it.
    ///
    /// # Errors
    /// [`StoreError`]; it is then still trusted.
    pub async fn retire_ca(&self) -> Result<bool, StoreError> {
        let house = Resource::all(ResourceKind::Host);
        let permit: Permit<act::KeepHouse> = Permit::of_house(&house, self.decision());
        let signing = self.authority().fingerprint(&self.authority().ca());
        self.is_behind().store(true, Ordering::Release);
        let retired = self
            .store()
            .write(&permit, async move |tx| {
                let known = tx.all(entity::Entity::find()).await?;
                let ours = known.iter().find(|one| one.fingerprint == signing);
                let before = ours.map(|one| one.replaces.clone()).unwrap_or_default();
                let retiring = entity::Column::Fingerprint.eq(before.as_str());
                let gone = tx.delete(entity::Entity::delete_many().filter(retiring)).await?;
                tx.note("what", "let the cluster CA before this one retire");
                tx.note("fingerprint", before);
                tx.changed(Changed::Authorities);
                Ok::<_, StoreError>(gone > 0)
            })
            .await?;
        self.reload_authorities().await?;
        Ok(retired)
    }

    /// Takes up the cluster CAs that the database has; listeners are told if that changes anything. Where they cannot be used,
    /// this Host goes on with those it has.
    pub(crate) async fn reload_authorities(&self) -> Result<(), StoreError> {
        if let Err(error) = self.take_up_authorities().await? {
            tracing::error!(%error, "the cluster CAs in the database cannot be used; this Host goes on with those it has, and tries again");
        }
        Ok(())
    }

    /// Takes up the cluster CAs of the database if that is still to be done: a security module may have been away.
    ///
    /// # Errors
    /// [`StoreError`]; it is still to be done.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        match self.is_behind().load(Ordering::Acquire) {
            true => self.reload_authorities().await,
            false => Ok(()),
        }
    }

    /// As [`Fleet::reload_authorities`], for whoever must not go on with those it has.
    pub(super) async fn take_up_authorities(&self) -> Result<Result<(), AuthorityError>, StoreError> {
        let _reading = self.adopting().lock().await;
        // What is written from here on may not be among what is read.
        self.is_behind().store(false, Ordering::Release);
        let adopted = match Generation::all(self.store()).await {
            Ok(all) => Ok(self.authority().adopt(&all)),
            Err(error) => Err(error),
        };
        if !matches!(adopted, Ok(Ok(_))) {
            self.is_behind().store(true, Ordering::Release);
        }
        Ok(adopted?.map(|has_changed| {
            if has_changed {
                self.tell(FleetEvent::Authorities);
            }
        }))
    }
}
