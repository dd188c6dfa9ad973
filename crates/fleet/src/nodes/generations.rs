//! The cluster CAs as the database has them, for all Hosts that share it: the one that signs, and during a rotation the
//! one before it. Their keys are under the cluster's seal; who opens it is somebody else's business.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::Ambient;
use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Resource, ResourceKind, act};
use watchroom_store::{Changed, Store, StoreError, WriteTx};

/// Two CAs cannot take the place of the same one.
pub(super) const SUCCESSION: &str = "cluster_authority_replaces_key";

pub(super) mod entity {
    //! The table of cluster CAs.

    use sea_orm::entity::prelude::*;

    /// One CA.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "cluster_authorities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub fingerprint: String,
        /// Empty for the first.
        pub replaces: String,
        pub sealed: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One cluster CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The SHA-256 of its certificate.
    pub fingerprint: String,
    /// That of the CA whose place it took.
    pub replaces: Option<String>,
    /// Its certificate, and its key under the cluster's seal.
    pub sealed: String,
}

impl Generation {
    /// All that the database has; none before a cluster is founded.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn all(store: &Store) -> Result<Vec<Self>, StoreError> {
        let rows = store.read().await?.all(entity::Entity::find()).await?;
        Ok(rows.into_iter().map(Self::from).collect())
    }

    /// Gives the database its first CAs. Says whether it took them: another Host may have been first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be kept.
    pub async fn found(store: &Store, first: Vec<Self>, ambient: &Ambient) -> Result<bool, StoreError> {
        let house = Resource::all(ResourceKind::Host);
        let permit: Permit<act::KeepHouse> = Permit::of_house(&house, DecisionId::mint(ambient));
        let written = store
            .write(&permit, async move |tx| {
                for generation in first.clone() {
                    generation.insert(tx).await?;
                }
                tx.note(
                    "what",
                    "founded the cluster: its CA is in the database from now on",
                );
                tx.changed(Changed::Authorities);
                Ok::<_, StoreError>(())
            })
            .await;
        match written {
            Ok(()) => Ok(true),
            Err(StoreError::Taken {
                constraint: SUCCESSION,
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts `anew`, which is `known` under another seal, in the place of it. Says whether it did: not if the database has
    /// others than `known` by now.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be kept.
    pub async fn seal_anew(tx: &WriteTx, known: &[Self], anew: &[Self]) -> Result<bool, StoreError> {
        let mut there: Vec<_> = tx.all(entity::Entity::find()).await?;
        there.sort_by(|one, other| one.fingerprint.cmp(&other.fingerprint));
        let mut known: Vec<_> = known.iter().collect();
        known.sort_by(|one, other| one.fingerprint.cmp(&other.fingerprint));
        let is_known = there.len() == known.len()
            && there
                .iter()
                .zip(known)
                .all(|(row, known)| row.sealed == known.sealed);
        if !is_known {
            return Ok(false);
        }
        for generation in anew {
            let update = entity::Entity::update_many()
                .col_expr(entity::Column::Sealed, Expr::value(generation.sealed.as_str()))
                .filter(entity::Column::Fingerprint.eq(generation.fingerprint.as_str()));
            tx.update(update).await?;
        }
        tx.changed(Changed::Authorities);
        Ok(true)
    }

    pub(super) async fn insert(self, tx: &WriteTx) -> Result<(), StoreError> {
        tx.insert(entity::ActiveModel {
            fingerprint: Set(self.fingerprint),
            replaces: Set(self.replaces.unwrap_or_default()),
            sealed: Set(self.sealed),
        })
        .await
    }
}

impl From<entity::Model> for Generation {
    fn from(row: entity::Model) -> Self {
        Self {
            fingerprint: row.fingerprint,
            replaces: Some(row.replaces).filter(|replaces| !replaces.is_empty()),
            sealed: row.sealed,
        }
    }
}
