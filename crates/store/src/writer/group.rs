//! Group commit: many changes, one transaction, one sync.

use std::rc::Rc;

use watchroom_audit::Head;

use super::{Change, Writer};
use crate::engine::Pace;
use crate::upkeep::Taken;
use crate::{Changed, StoreError, WriteTx};

/// How often a group is tried again that met another replica at the same rows.
const TRIES: usize = 8;

/// Why a group was not committed.
enum Failure {
    /// Nothing of it can stand.
    Whole(StoreError),
    /// The change at this place tore the transaction down with it; the others may stand without it.
    One(usize, StoreError),
    /// Somebody's trouble spoiled what was gathered: each must be asked apart.
    Spoiled,
    /// The connection broke in the commit. If our chain is later found at this head, it was committed.
    InDoubt(Head, Vec<Changed>, StoreError),
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
        let mut done = self.at_some_pace(&mut group);
        if self.is_undone_and_mended(&done) {
            // A connection that broke while nobody used it is noticed at the next change, which is made then.
            done = self.at_some_pace(&mut group);
        }
        match done {
            Ok(changed) => self.stand(group, changed),
            Err(Failure::InDoubt(head, changed, error)) => match self.found_at(&head, &error) {
                Some(true) => self.stand(group, changed),
                Some(false) => self.fail(group, &error),
                None => self.fail(group, &StoreError::InDoubt(error.to_string())),
            },
            Err(Failure::Whole(error)) => self.fail(group, &error),
            Err(Failure::Spoiled) => self.fail(group, &StoreError::Contended),
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

    /// Whether a group certainly was not committed because the connection broke, and there is a new one.
    fn is_undone_and_mended(&mut self, done: &Result<Vec<Changed>, Failure>) -> bool {
        match done {
            Err(Failure::Whole(error @ StoreError::Away(_))) => {
                self.note_broken(error);
                self.healed().is_ok()
            }
            Err(Failure::InDoubt(head, _, error)) => self.found_at(&head.clone(), error) == Some(false),
            _ => false,
        }
    }

    /// Tries the connection's paces in turn, and again where another replica was in the way.
    fn at_some_pace(&mut self, group: &mut [Box<dyn Change>]) -> Result<Vec<Changed>, Failure> {
        let paces = self.conn.paces();
        let careful = paces.last().copied().unwrap_or(Pace::Apart);
        let mut tries = paces.iter().copied().chain(std::iter::repeat_n(careful, TRIES));
        loop {
            let Some(pace) = tries.next() else {
                return Err(Failure::Whole(StoreError::Contended));
            };
            match self.transaction(group, pace) {
                Err(Failure::Spoiled | Failure::Whole(StoreError::Contended)) => {}
                done => return done,
            }
        }
    }

    /// It is durable: tells whom it concerns.
    fn stand(&mut self, group: Vec<Box<dyn Change>>, changed: Vec<Changed>) {
        self.publish();
        self.mirror.wake();
        // Caches hear first: whoever has an answer must not meet what was true before it.
        for what in changed {
            // Nobody listening is no failure.
            drop(self.shared.changes.send(what));
        }
        answer_all(group, None);
    }

    fn fail(&mut self, group: Vec<Box<dyn Change>>, error: &StoreError) {
        self.note_broken(error);
        if group.is_empty() {
            tracing::warn!(error = %error, "upkeep or a checkpoint was not committed and is tried again");
        }
        answer_all(group, Some(error));
    }

    pub(super) fn note_broken(&mut self, error: &StoreError) {
        if error.breaks_connection() && self.broken.is_none() {
            tracing::error!(error = %error, "nothing is acknowledged until the database answers again and syncs");
            self.broken = Some(error.clone());
        }
    }

    /// One transaction around all of it. After a failure nothing of it is left, in the database or in us.
    fn transaction(&mut self, group: &mut [Box<dyn Change>], pace: Pace) -> Result<Vec<Changed>, Failure> {
        self.conn.begin(pace).map_err(Failure::Whole)?;
        let start = self.chain.clone();
        let upkeep = self.shared.pending.take();
        let done = self.all_of(group, &upkeep, pace);
        if done.is_err() {
            self.undo_all();
            self.chain = start;
            self.shared.pending.restore(upkeep);
        }
        done
    }

    fn all_of(
        &mut self,
        group: &mut [Box<dyn Change>],
        upkeep: &Taken,
        pace: Pace,
    ) -> Result<Vec<Changed>, Failure> {
        let first = self.chain.head().seq;
        let mut changed = Vec::new();
        for (at, change) in group.iter_mut().enumerate() {
            match self.one_of(change.as_mut()) {
                Ok(told) => changed.extend(told),
                Err(error) if error.ends_transaction() => return Err(Failure::Whole(error)),
                Err(_) if pace == Pace::Together => return Err(Failure::Spoiled),
                Err(error) => return Err(Failure::One(at, error)),
            }
        }
        if !upkeep.is_empty() {
            self.last_upkeep = self.shared.ambient.clock.elapsed();
            self.beside("upkeep", pace, |writer| upkeep.write(&*writer.conn))?;
        }
        if self.chain.is_checkpoint_due() {
            self.beside("a checkpoint", pace, |writer| {
                writer.chain.checkpoint(&*writer.conn, &writer.shared.key)
            })?;
        }
        if self.chain.head().seq > first {
            changed.push(Changed::Audit);
        }
        let done = self.conn.announce(&changed).and_then(|()| self.conn.commit());
        match done {
            Ok(()) => Ok(changed),
            Err(error @ StoreError::Away(_)) => {
                Err(Failure::InDoubt(self.chain.head().clone(), changed, error))
            }
            Err(error) if error.ends_transaction() || pace == Pace::Apart => Err(Failure::Whole(error)),
            Err(_) => Err(Failure::Spoiled),
        }
    }

    /// What travels with changes and must not take them down if it fails; it is tried again later.
    fn beside(
        &mut self,
        what: &str,
        pace: Pace,
        work: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), Failure> {
        self.conn.mark().map_err(Failure::Whole)?;
        if let Err(error) = work(self) {
            if error.ends_transaction() || !self.conn.is_in_transaction() {
                return Err(Failure::Whole(error));
            }
            if pace == Pace::Together {
                return Err(Failure::Spoiled);
            }
            tracing::warn!(error = %error, "{what} could not be written");
            return self.conn.go_back().map_err(Failure::Whole);
        }
        self.conn.keep().map_err(Failure::Whole)
    }

    /// One change and its entry, both or neither. An error means that the whole transaction is lost.
    fn one_of(&mut self, change: &mut dyn Change) -> Result<Vec<Changed>, StoreError> {
        let before = self.chain.clone();
        self.conn.mark()?;
        let tx = WriteTx::new(Rc::clone(&self.conn), self.shared.ambient.clock.clone());
        let mut stands = change.attempt(&tx);
        if stands && tx.is_late() {
            change.refuse(StoreError::Late);
            stands = false;
        }
        let mut notes = tx.into_notes();
        let mut failed = notes.failed.take();
        let is_over = |failed: &Option<StoreError>| failed.as_ref().is_some_and(StoreError::ends_transaction);
        if stands
            && !is_over(&failed)
            && let Some(draft) = change.draft()
        {
            let draft = notes.complete(draft);
            if let Err(error) = self.chain.append(&*self.conn, draft) {
                stands = false;
                change.refuse(error.clone());
                failed = Some(error);
            }
        }
        if is_over(&failed) || !self.conn.is_in_transaction() {
            let unknown = || StoreError::Database("the database gave the transaction up".to_owned());
            return Err(failed.unwrap_or_else(unknown));
        }
        if stands {
            self.conn.keep()?;
            return Ok(notes.changed);
        }
        self.conn.go_back()?;
        self.chain = before;
        Ok(Vec::new())
    }

    fn undo_all(&mut self) {
        if !self.conn.is_in_transaction() {
            return;
        }
        if let Err(error) = self.conn.roll_back() {
            // A connection that cannot roll back is replaced before it is used again.
            self.broken = Some(error);
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
