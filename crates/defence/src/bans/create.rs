//! A person bans an address or a network.

use ipnet::IpNet;
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_model::{BanId, Reason};
use watchroom_policy::{Permit, Resource, act};

use super::{BanKind, BanView, entity};
use crate::{BanError, Bystander, Defence, network};

/// The longest ban with an end, in seconds: ten years.
const LONGEST_S: u64 = 315_360_000;

/// A ban to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// An address, or a network in CIDR notation. Of IPv6 a /64 at least is banned.
    pub network: String,
    /// What it keeps out: `attack` (the default) everything, `sign_in` sign-in and strangers.
    #[serde(default)]
    pub kind: BanKind,
    /// Why: 1 to 500 characters.
    pub reason: String,
    /// Seconds it lasts, 60 at least; without an end if absent.
    pub for_s: Option<u64>,
}

impl NewBan {
    /// The network that it bans; none if the text names none.
    #[must_use]
    pub fn banned(&self) -> Option<IpNet> {
        network::parse(&self.network)
    }
}

impl Defence {
    /// A ban to be: what to ask leave for.
    #[must_use]
    pub fn draft(&self) -> Resource {
        Resource::ban(BanId::mint(self.ambient()))
    }

    /// Bans a network, or holds the ban if it would hit one's own people or machines. When this returns, the
    /// edge of this replica keeps it out.
    ///
    /// # Errors
    /// [`BanError`].
    pub async fn create(&self, permit: &Permit<act::CreateBan>, new: NewBan) -> Result<BanView, BanError> {
        let now = self.ambient().clock.now_micros();
        let (network, reason) = checked(&new)?;
        let own = permit.trail().source_ip;
        let held = if own.is_some_and(|own| network.contains(&own.to_canonical())) {
            Some(Bystander::Oneself)
        } else {
            self.hit(&network)
        };
        let until = new.for_s.map(|seconds| {
            let micros = i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000);
            now.saturating_add(micros)
        });
        let row = entity::Model {
            id: permit.resource().id().ok_or(BanError::NotFound)?.to_owned(),
            network: network.to_string(),
            kind: new.kind.word().to_owned(),
            reason: reason.to_string(),
            evidence: "[]".to_owned(),
            made_by: permit.principal().display_name(),
            step: 0,
            created_at: now,
            until,
            held_because: held.map(|held| held.to_string()),
            confirmed_at: None,
            confirmed_by: None,
            lifted_at: None,
            lifted_by: None,
        };
        self.keep(permit, row).await
    }
}

fn checked(new: &NewBan) -> Result<(IpNet, Reason), BanError> {
    let invalid = |field, rule| Err(BanError::Invalid { field, rule });
    let Some(network) = new.banned() else {
        return invalid(
            "network",
            "an address or a network, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48",
        );
    };
    let Ok(reason) = new.reason.trim().parse::<Reason>() else {
        return invalid("reason", Reason::RULE);
    };
    if new
        .for_s
        .is_some_and(|seconds| !(60..=LONGEST_S).contains(&seconds))
    {
        return invalid(
            "for_s",
            "a minute at least and ten years at most; leave it out for no end",
        );
    }
    Ok((network, reason))
}
