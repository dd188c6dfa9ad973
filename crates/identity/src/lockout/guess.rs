//! Tries at passwords, each counted in the database before it is made.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::Ambient;
use watchroom_model::{GuessId, LockoutId, UserId};
use watchroom_store::{Changed, Claimed, Guess, StoreError, Upkeep, WriteTx};

use super::{Door, Doors, Place, Scope};
use crate::config::LockoutRules;
use crate::entity::{guess, lockout};
use crate::network::Network;
use crate::{Identity, stamp};

/// After so long, in microseconds, a try of which nobody knows the end has failed: its replica has died.
const GIVEN_UP: i64 = 60_000_000;

/// A try that may be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    id: GuessId,
}

/// Why a try may not be made.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The budget is used up until then.
    Until(i64),
    /// So many are being tried at this moment that the budget would be used up if all of them were wrong.
    Busy,
    Store(StoreError),
}

/// A failure as it was written down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booked {
    /// Tries of the budget that are left.
    pub(crate) remaining: u32,
    /// Until when it locked the far door.
    pub(crate) locked_until: Option<i64>,
}

/// What is written of a failure, besides its entry.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    doors: Doors,
    guess: GuessId,
    rules: LockoutRules,
    at: i64,
    user: Option<UserId>,
    near_until: Option<i64>,
    near_id: LockoutId,
    far_id: LockoutId,
}

impl Identity {
    /// Counts a try at the password behind these doors. Whoever has it may make the try, once.
    pub(crate) async fn claim(&self, doors: &Doors, now: i64) -> Result<Allowed, Refused> {
        let rules = &self.inner.config.lockout;
        let id = GuessId::mint(&self.inner.ambient);
        let window = stamp::seconds(rules.everywhere_within_s);
        let claimed = self
            .inner
            .store
            .claim(Guess {
                id,
                budget: doors.far.to_string(),
                limit: rules.everywhere_failures,
                window,
                at: now,
            })
            .await
            .map_err(Refused::Store)?;
        match claimed {
            Claimed::Taken { .. } => Ok(Allowed { id }),
            Claimed::Full { newest_open, .. } if newest_open.is_some_and(|at| now - at < GIVEN_UP) => {
                Err(Refused::Busy)
            }
            Claimed::Full { oldest, .. } => Err(Refused::Until(oldest + window)),
        }
    }

    /// The try was right, and costs nothing. Told with the next commit.
    pub(crate) fn give_back(&self, allowed: Allowed) {
        let now = self.inner.ambient.clock.now_micros();
        self.inner.store.upkeep(Upkeep::GuessRight(allowed.id, now));
    }
}

impl Failing {
    pub(crate) fn new(
        ambient: &Ambient,
        rules: &LockoutRules,
        doors: Doors,
        allowed: Allowed,
        user: Option<UserId>,
        near_until: Option<i64>,
    ) -> Self {
        Self {
            doors,
            guess: allowed.id,
            rules: rules.clone(),
            at: ambient.clock.now_micros(),
            user,
            near_until,
            near_id: LockoutId::mint(ambient),
            far_id: LockoutId::mint(ambient),
        }
    }

    /// Whether it was the one that locked the near door.
    pub(crate) const fn locks_near(&self) -> bool {
        self.near_until.is_some()
    }

    /// Writes the failure into the budget, and what it locks.
    pub(crate) async fn write(&self, tx: &WriteTx) -> Result<Booked, StoreError> {
        let update = guess::Entity::update_many()
            .col_expr(guess::Column::FailedAt, Expr::value(self.at))
            .filter(guess::Column::Id.eq(self.guess.to_string()));
        tx.update(update).await?;
        if let Some(until) = self.near_until {
            let row = self.row(
                self.near_id,
                self.doors.near,
                self.doors.near_scope(),
                self.rules.failures,
                until,
            );
            tx.insert(row).await?;
            tx.changed(Changed::Lockout(self.near_id));
        }
        let limit = self.rules.everywhere_failures;
        let since = self.at - stamp::seconds(self.rules.everywhere_within_s);
        let failed = guess::Entity::find()
            .filter(guess::Column::Budget.eq(self.doors.far.to_string()))
            .filter(guess::Column::FailedAt.is_not_null())
            .filter(guess::Column::At.gt(since));
        let failed = u32::try_from(tx.all(failed).await?.len()).unwrap_or(u32::MAX);
        let remaining = limit.saturating_sub(failed);
        let locked_until = (remaining == 0).then(|| self.at + stamp::seconds(self.rules.everywhere_lock_s));
        if let Some(until) = locked_until {
            tx.insert(self.row(self.far_id, self.doors.far, self.doors.far_scope(), failed, until))
                .await?;
            tx.note("locks_everywhere", self.doors.far_scope() == Scope::Everywhere);
            tx.changed(Changed::Lockout(self.far_id));
        }
        Ok(Booked {
            remaining,
            locked_until,
        })
    }

    fn row(
        &self,
        id: LockoutId,
        door: Door,
        scope: Scope,
        failures: u32,
        until: i64,
    ) -> lockout::ActiveModel {
        let network = match (scope, self.doors.place) {
            (Scope::Network, Place::Network(network)) => network.text(),
            _ => None,
        };
        lockout::ActiveModel {
            id: Set(id.to_string()),
            door: Set(door.to_string()),
            scope: Set(scope.word().to_owned()),
            user_id: Set(self.user.map(|user| user.to_string())),
            network: Set(network),
            failures: Set(failures.into()),
            created_at: Set(self.at),
            until: Set(until),
            lifted_at: Set(None),
            lifted_by: Set(None),
        }
    }
}

impl Network {
    /// In CIDR notation; nothing for the Unix socket.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Inside => None,
            Self::V4([a, b, c]) => Some(format!("{a}.{b}.{c}.0/24")),
            Self::V6([a, b, c, d]) => {
                let network = std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
                Some(format!("{network}/64"))
            }
        }
    }
}
