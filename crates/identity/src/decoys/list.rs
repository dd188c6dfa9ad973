//! Showing decoys to those who manage tokens.

use sea_orm::EntityTrait;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{DecoyId, Page, PageRequest, TokenName};
use watchroom_policy::{Resource, Target};
use watchroom_store::StoreError;

use super::DecoyError;
use crate::entity::decoy_token;
use crate::{Identity, stamp};

/// A decoy as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DecoyView {
    /// Its id.
    pub id: DecoyId,
    /// Where it was laid out.
    pub name: TokenName,
    /// Who made it.
    pub made_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When somebody tried it last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub touched_at: Option<OffsetDateTime>,
    /// From which address.
    pub touched_from: Option<String>,
    /// How often it was tried.
    pub touches: u64,
}

impl Target for DecoyView {
    fn resource(&self) -> Resource {
        Resource::decoy(self.id)
    }
}

impl DecoyView {
    fn of(row: decoy_token::Model) -> Result<Self, StoreError> {
        let damaged = |column: &str| StoreError::Database(format!("decoy_tokens.{column} cannot be read"));
        Ok(Self {
            id: row.id.parse().map_err(|_| damaged("id"))?,
            name: row.name.parse().map_err(|_| damaged("name"))?,
            made_by: row.made_by,
            created_at: stamp::at(row.created_at),
            touched_at: row.touched_at.map(stamp::at),
            touched_from: row.touched_from,
            touches: u64::try_from(row.touches).map_err(|_| damaged("touches"))?,
        })
    }
}

impl Identity {
    /// Decoys, oldest first: for callers with leave to list them.
    ///
    /// # Errors
    /// [`DecoyError`].
    pub async fn decoys(&self, request: &PageRequest) -> Result<Page<DecoyView>, DecoyError> {
        let read = self.inner.store.read().await?;
        let page = read
            .page(decoy_token::Entity::find(), decoy_token::Column::Id, request)
            .await?;
        let views = page.items.into_iter().map(DecoyView::of);
        Ok(Page {
            items: views.collect::<Result<_, StoreError>>()?,
            next_cursor: page.next_cursor,
        })
    }

    /// One decoy.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decoy(&self, id: DecoyId) -> Result<Option<DecoyView>, StoreError> {
        let read = self.inner.store.read().await?;
        let row = read.one(decoy_token::Entity::find_by_id(id.to_string())).await?;
        row.map(DecoyView::of).transpose()
    }
}
