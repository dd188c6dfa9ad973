//! Evidence becomes a ban, longer each time.

use ipnet::IpNet;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::{BanId, DecisionId};
use watchroom_policy::{Permit, Resource, act};
use watchroom_store::StoreError;

use super::{BanKind, BanView, entity};
use crate::network::{overlap, with_all_around};
use crate::{BanError, Defence, Evidence, Verdict};

impl Defence {
    /// Weighs what the edge or the sign-in saw, and bans if it is enough.
    ///
    /// # Errors
    /// [`BanError`] if the ban cannot be kept; the evidence is then lost, and more of it leads here again.
    pub async fn witness(&self, evidence: &Evidence) -> Result<Option<BanView>, BanError> {
        let now = self.ambient().clock.now_micros();
        let Some(verdict) = self.watch().weigh(evidence, now) else {
            return Ok(None);
        };
        if self.is_settled(&verdict.network, verdict.kind, now) || self.is_full(now) {
            return Ok(None);
        }
        self.impose(verdict, now).await.map(Some)
    }

    async fn impose(&self, verdict: Verdict, now: i64) -> Result<BanView, BanError> {
        let before = self.remembered(&verdict.network, verdict.kind, now).await?;
        let held = self.hit(&verdict.network);
        let id = BanId::mint(self.ambient());
        let permit: Permit<act::ImposeBan> =
            Permit::of_house(&Resource::ban(id), DecisionId::mint(self.ambient()));
        let evidence = serde_json::to_string(&verdict.evidence)
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let row = entity::Model {
            id: id.to_string(),
            network: verdict.network.to_string(),
            kind: verdict.kind.word().to_owned(),
            reason: verdict.reason,
            evidence,
            made_by: permit.principal().display_name(),
            step: i64::try_from(before).unwrap_or(i64::MAX).saturating_add(1),
            created_at: now,
            until: Some(now + self.config().lasts(before)),
            held_because: held.map(|held| held.to_string()),
            confirmed_at: None,
            confirmed_by: None,
            lifted_at: None,
            lifted_by: None,
        };
        tracing::warn!(
            ban.network = row.network,
            ban.kind = row.kind,
            ban.held_because = row.held_because,
            "{}",
            if row.held_because.is_some() {
                "a ban by evidence is held: it would hit one's own; `watchroom ban confirm` lets it hold"
            } else {
                "banned by evidence; `watchroom ban lift` lifts it"
            }
        );
        self.keep(&permit, row).await
    }

    /// How many bans by evidence the network has had lately, counting wider and narrower ones, that nobody
    /// lifted.
    async fn remembered(&self, network: &IpNet, kind: BanKind, now: i64) -> Result<u64, StoreError> {
        let since = now - i64::from(self.config().remembered_s) * 1_000_000;
        let mut select = entity::Entity::find()
            .filter(entity::Column::Kind.eq(kind.word()))
            .filter(entity::Column::Step.gt(0))
            .filter(entity::Column::CreatedAt.gt(since))
            .filter(entity::Column::LiftedAt.is_null());
        if let Some(networks) = with_all_around(network) {
            select = select.filter(entity::Column::Network.is_in(networks));
        }
        let rows = self.store().read().await?.all(select).await?;
        let is_here = |row: &&entity::Model| row.network.parse().is_ok_and(|other| overlap(network, &other));
        Ok(u64::try_from(rows.iter().filter(is_here).count()).unwrap_or(u64::MAX))
    }
}
