//! Bans: what one is, how it is made by a person or by evidence, confirmed, lifted and listed.

mod confirm;
mod create;
pub(crate) mod entity;
mod impose;
mod lift;
mod list;
mod prune;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::BanId;
use watchroom_policy::{Resource, Target};
use watchroom_store::StoreError;

pub use create::NewBan;
pub use list::BanFilter;

use crate::{BanError, Barred};

/// The ban that a permit is about.
fn ban_of(resource: &Resource) -> Result<BanId, BanError> {
    let id = resource.id().and_then(|id| id.parse().ok());
    id.ok_or(BanError::NotFound)
}

/// What a ban keeps out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BanKind {
    /// Sign-in and whoever shows nothing valid; sessions and tokens that hold go on.
    SignIn,
    /// Everything.
    #[default]
    Attack,
}

impl BanKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Attack => "attack",
        }
    }
}

/// How a ban stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BanStatus {
    /// It keeps people out.
    Active,
    /// It would hit one's own people or machines, and waits for somebody to confirm it.
    Held,
    /// Somebody lifted it.
    Lifted,
    /// Its time is over.
    Over,
}

/// A ban as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BanView {
    /// Its id.
    pub id: BanId,
    /// The network that is kept out, in CIDR notation.
    #[schema(value_type = String)]
    pub network: IpNet,
    /// From what.
    pub kind: BanKind,
    /// How it stands.
    pub status: BanStatus,
    /// Why, in words.
    pub reason: String,
    /// What led to it: ids of requests, paths, numbers.
    pub evidence: Vec<String>,
    /// Who made it: a person, or `watchroom`.
    pub made_by: String,
    /// The how manieth of its network; 0 for those that people made.
    pub step: u32,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when; without an end `null`.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// Whom it would hit, if it waits or waited for somebody to confirm it.
    pub held_because: Option<String>,
    /// Who confirmed it.
    pub confirmed_by: Option<String>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
}

impl Target for BanView {
    fn resource(&self) -> Resource {
        Resource::ban(self.id).labelled(self.network.to_string())
    }
}

impl BanView {
    pub(crate) fn of(row: entity::Model, now: i64) -> Result<Self, StoreError> {
        let damaged = |column: &str| StoreError::Database(format!("bans.{column} cannot be read"));
        let at = |micros: i64| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
                .map_err(|_| damaged("created_at"))
        };
        let status = row.status(now);
        Ok(Self {
            id: row.id.parse().map_err(|_| damaged("id"))?,
            network: row.network.parse().map_err(|_| damaged("network"))?,
            kind: row.kind().ok_or_else(|| damaged("kind"))?,
            status,
            reason: row.reason,
            evidence: serde_json::from_str(&row.evidence).map_err(|_| damaged("evidence"))?,
            made_by: row.made_by,
            step: u32::try_from(row.step).map_err(|_| damaged("step"))?,
            created_at: at(row.created_at)?,
            until: row.until.map(at).transpose()?,
            held_because: row.held_because,
            confirmed_by: row.confirmed_by,
            lifted_by: row.lifted_by,
        })
    }
}

impl entity::Model {
    pub(crate) fn kind(&self) -> Option<BanKind> {
        [BanKind::SignIn, BanKind::Attack]
            .into_iter()
            .find(|kind| kind.word() == self.kind)
    }

    pub(crate) fn status(&self, now: i64) -> BanStatus {
        if self.lifted_at.is_some() {
            BanStatus::Lifted
        } else if self.until.is_some_and(|until| until <= now) {
            BanStatus::Over
        } else if self.held_because.is_some() && self.confirmed_at.is_none() {
            BanStatus::Held
        } else {
            BanStatus::Active
        }
    }

    /// What the edge needs of it; a row that says nothing sensible bars nobody, and the log says so.
    pub(crate) fn barred(&self) -> Option<Barred> {
        let barred = self.network.parse().ok().zip(self.kind());
        if barred.is_none() {
            tracing::error!(
                ban.id = self.id,
                "a ban in the database cannot be read and keeps nobody out"
            );
        }
        barred.map(|(network, kind)| Barred {
            network,
            kind,
            until: self.until.unwrap_or(i64::MAX),
        })
    }
}
