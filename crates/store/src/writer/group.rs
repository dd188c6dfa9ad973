//! Group commit: many changes, one transaction, one sync.

use std::rc::Rc;

use super::{Change, Writer};
use crate::refusal::classify;
use crate::upkeep::Taken;
use crate::{Changed, StoreError, WriteTx};

/// Why a group was not committed.
enum Failure {
    /// Nothing of it can stand.
    Whole(StoreError),
    /// The change at this place tore the transaction down with it; the others may stand without it.
    One(usize, StoreError),
}

impl Writer {
    /// Commits a group and answers everybody in it.
    pub(super) fn commit(&mut self, group: Vec<Box<dyn Change>>) {
        if let Err(error) = self.healed() {
            answer_all(group, Some(&error));
            return;
        }
        let has_nothing =
            group.is_empty() && self.shared.pending.is_empty() && !self.chain.is_checkpoint_due();
        if !has_nothing {
            self.commit_or_part(group);
        }
    }

    fn commit_or_part(&mut self, mut group: Vec<Box<dyn Change>>) {
        match self.transaction(&mut group) {
            Ok(changed) => {
                self.publish();
                self.mirror.wake();
                // Caches hear first: whoever has an answer must not meet what was true before it.
                for what in changed {
                    // Nobody listening is no failure.
                    drop(self.shared.changes.send(what));
                }
                answer_all(group, None);
            }
            Err(Failure::Whole(error)) => self.fail(group, &error),
            Err(Failure::One(at, error)) => {
                let rest = group.split_off(at + 1);
                let culprit = group.pop().into_iter().collect();
                self.fail(culprit, &error);
                for change in group.into_iter().chain(rest) {
                    self.commit(vec![change]);
                }
            }
        }
    }

    fn fail(&mut self, group: Vec<Box<dyn Change>>, error: &StoreError) {
        if let StoreError::Unsynced(why) = error {
            tracing::error!(error = %why, "the database failed to sync; nothing is acknowledged until it is reopened");
            self.broken = Some(why.clone());
        }
        if group.is_empty() {
            tracing::warn!(error = %error, "upkeep or a checkpoint was not committed and is tried again");
        }
        answer_all(group, Some(error));
    }

    /// One transaction around all of it. After a failure nothing of it is left, in the database or in us.
    fn transaction(&mut self, group: &mut [Box<dyn Change>]) -> Result<Vec<Changed>, Failure> {
        self.sql("BEGIN IMMEDIATE").map_err(Failure::Whole)?;
        let start = self.chain.clone();
        let upkeep = self.shared.pending.take();
        let done = self.all_of(group, &upkeep);
        if done.is_err() {
            self.undo_all();
            self.chain = start;
            self.shared.pending.restore(upkeep);
        }
        done
    }

    fn all_of(&mut self, group: &mut [Box<dyn Change>], upkeep: &Taken) -> Result<Vec<Changed>, Failure> {
        let first = self.chain.head().seq;
        let mut changed = Vec::new();
        for (at, change) in group.iter_mut().enumerate() {
            let told = self
                .one_of(change.as_mut())
                .map_err(|error| Failure::One(at, error))?;
            changed.extend(told);
        }
        if !upkeep.is_empty() {
            self.last_upkeep = self.shared.ambient.clock.elapsed();
            self.beside("upkeep", |writer| {
                upkeep.write(&writer.conn).map_err(|error| classify(&error))
            })?;
        }
        if self.chain.is_checkpoint_due() {
            self.beside("a checkpoint", |writer| {
                writer.chain.checkpoint(&writer.conn, &writer.shared.key)
            })?;
        }
        self.sql("COMMIT").map_err(Failure::Whole)?;
        if self.chain.head().seq > first {
            changed.push(Changed::Audit);
        }
        Ok(changed)
    }

    /// What travels with changes and must not take them down if it fails; it is tried again later.
    fn beside(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), Failure> {
        self.sql("SAVEPOINT beside").map_err(Failure::Whole)?;
        let done = work(self);
        if let Err(error) = done {
            if self.conn.is_autocommit() || matches!(error, StoreError::Unsynced(_)) {
                return Err(Failure::Whole(error));
            }
            tracing::warn!(error = %error, "{what} could not be written");
            self.sql("ROLLBACK TO beside").map_err(Failure::Whole)?;
        }
        self.sql("RELEASE beside").map_err(Failure::Whole)
    }

    /// One change and its entry, both or neither. An error means that the whole transaction is lost.
    fn one_of(&mut self, change: &mut dyn Change) -> Result<Vec<Changed>, StoreError> {
        let before = self.chain.clone();
        self.sql("SAVEPOINT change")?;
        let tx = WriteTx::new(Rc::clone(&self.conn), self.shared.ambient.clock.clone());
        let mut stands = change.attempt(&tx);
        if stands && tx.is_late() {
            change.refuse(StoreError::Late);
            stands = false;
        }
        let mut notes = tx.into_notes();
        let mut failed = notes.failed.take();
        let is_unsynced = |failed: &Option<StoreError>| matches!(failed, Some(StoreError::Unsynced(_)));
        if stands && !is_unsynced(&failed) {
            let draft = notes.complete(change.draft());
            if let Err(error) = self.chain.append(&self.conn, draft) {
                stands = false;
                change.refuse(error.clone());
                failed = Some(error);
            }
        }
        if is_unsynced(&failed) || self.conn.is_autocommit() {
            let unknown = || StoreError::Database("the database gave the transaction up".to_owned());
            return Err(failed.unwrap_or_else(unknown));
        }
        if stands {
            self.sql("RELEASE change")?;
            return Ok(notes.changed);
        }
        self.sql("ROLLBACK TO change")?;
        self.sql("RELEASE change")?;
        self.chain = before;
        Ok(Vec::new())
    }

    fn sql(&self, sql: &str) -> Result<(), StoreError> {
        let done = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|error| classify(&error))
    }

    fn undo_all(&mut self) {
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.sql("ROLLBACK") {
            // A connection that cannot roll back is replaced before it is used again.
            self.broken = Some(error.to_string());
        }
    }
}

fn answer_all(group: Vec<Box<dyn Change>>, error: Option<&StoreError>) {
    for mut change in group {
        if let Some(error) = error {
            change.refuse(error.clone());
        }
        change.answer();
    }
}
