//! Keeping what is locked here in line with the database, whoever changed it.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_model::LockoutId;
use watchroom_store::StoreError;

use super::Door;
use crate::Identity;
use crate::entity::lockout;

/// Lockouts that hold at that time.
pub(super) fn hold(now: i64) -> Condition {
    Condition::all()
        .add(lockout::Column::LiftedAt.is_null())
        .add(lockout::Column::Until.gt(now))
}

impl Identity {
    /// Takes in what the database says of one lockout, and of others of the same door.
    pub(crate) async fn reread_lockout(&self, id: LockoutId) -> Result<(), StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let read = self.inner.store.read().await?;
        let row = read.one(lockout::Entity::find_by_id(id.to_string())).await?;
        let Some(row) = row else { return Ok(()) };
        let of_door = lockout::Entity::find()
            .filter(lockout::Column::Door.eq(row.door.clone()))
            .filter(hold(now));
        let until = read.all(of_door).await?.iter().map(|row| row.until).max();
        if let Ok(door) = row.door.parse() {
            self.inner.lockouts.learn(door, until, now);
        }
        Ok(())
    }

    /// Takes in all lockouts that hold. What is locked here and not there was lifted while nobody listened.
    pub(crate) async fn reread_lockouts(&self) -> Result<(), StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let select = lockout::Entity::find().filter(hold(now));
        let rows = self.inner.store.read().await?.all(select).await?;
        let there: Vec<(Door, i64)> = rows
            .iter()
            .filter_map(|row| Some((row.door.parse().ok()?, row.until)))
            .collect();
        for door in self.inner.lockouts.locked(now) {
            if !there.iter().any(|(known, _)| *known == door) {
                self.inner.lockouts.learn(door, None, now);
            }
        }
        for (door, until) in there {
            self.inner.lockouts.learn(door, Some(until), now);
        }
        Ok(())
    }
}
