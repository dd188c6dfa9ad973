//! Listing bans: those that hold or wait, or all that are remembered.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::IntoParams;
use watchroom_model::{BanId, Page, PageRequest};
use watchroom_policy::{Principal, Reach, permission, reach};
use watchroom_store::StoreError;

use super::{BanView, entity};
use crate::{BanError, Defence};

/// Which bans are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct BanFilter {
    /// `active`, `held`, or `all` with those that are over or were lifted. Default: active and held.
    pub status: String,
}

impl BanFilter {
    fn condition(&self, now: i64) -> Result<Condition, BanError> {
        let is_waiting = Condition::all()
            .add(entity::Column::HeldBecause.is_not_null())
            .add(entity::Column::ConfirmedAt.is_null());
        let goes_on = Condition::all().add(entity::Column::LiftedAt.is_null()).add(
            Condition::any()
                .add(entity::Column::Until.is_null())
                .add(entity::Column::Until.gt(now)),
        );
        Ok(match self.status.as_str() {
            "" => goes_on,
            "active" => goes_on.add(is_waiting.not()),
            "held" => goes_on.add(is_waiting),
            "all" => Condition::all(),
            _ => {
                return Err(BanError::Invalid {
                    field: "status",
                    rule: "active, held or all; leave it out for active and held",
                });
            }
        })
    }
}

impl Defence {
    /// Bans, oldest first, for those who may see them.
    ///
    /// # Errors
    /// [`BanError`].
    pub async fn bans(
        &self,
        principal: &Principal,
        filter: &BanFilter,
        request: &PageRequest,
    ) -> Result<Page<BanView>, BanError> {
        let now = self.ambient().clock.now_micros();
        let mut select = entity::Entity::find().filter(filter.condition(now)?);
        if reach(principal, permission::NETWORK_READ) != Reach::Everything {
            select = select.filter(Expr::value(false));
        }
        let read = self.store().read().await?;
        let page = read.page(select, entity::Column::Id, request).await?;
        let views = page.items.into_iter().map(|row| BanView::of(row, now));
        Ok(Page {
            items: views.collect::<Result<_, StoreError>>()?,
            next_cursor: page.next_cursor,
        })
    }

    /// One ban.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ban(&self, id: BanId) -> Result<Option<BanView>, StoreError> {
        let now = self.ambient().clock.now_micros();
        let read = self.store().read().await?;
        let row = read.one(entity::Entity::find_by_id(id.to_string())).await?;
        row.map(|row| BanView::of(row, now)).transpose()
    }
}
