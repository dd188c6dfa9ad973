//! Failures of strangers at providers, written down: a few a minute for each provider, then one entry with a count. Anybody
//! can begin a journey and bring back nothing, so nobody may buy writes by it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchroom_policy::Trail;

use super::{OutsideError, Provider};
use crate::{Identity, stamp};

/// Failures at one provider that get an entry of their own in a minute.
const SINGLE_A_MINUTE: u32 = 5;
/// How often counts are written.
const COUNTED_EVERY: Duration = Duration::from_secs(60);

/// The failures of this minute.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    began: i64,
    /// There are few providers: neither they nor what a tally counts are a stranger's to choose.
    tallies: BTreeMap<Provider, Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    written: u32,
    counted: BTreeMap<&'static str, u32>,
}

impl Failures {
    /// Whether this one gets an entry of its own; else it is counted.
    fn is_single(&self, provider: &Provider, reason: &'static str) -> bool {
        let mut minute = self.minute();
        let tally = minute.tallies.entry(provider.clone()).or_default();
        if tally.written < SINGLE_A_MINUTE {
            tally.written += 1;
            return true;
        }
        *tally.counted.entry(reason).or_default() += 1;
        false
    }

    /// What was counted in a minute that is over.
    fn take_over(&self, now: i64) -> BTreeMap<Provider, Tally> {
        let mut minute = self.minute();
        if now < minute.began.saturating_add(stamp::span(COUNTED_EVERY)) {
            return BTreeMap::new();
        }
        minute.began = now;
        std::mem::take(&mut minute.tallies)
    }

    fn minute(&self) -> MutexGuard<'_, Minute> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// Writes counts of strangers' failures, each minute.
    pub(crate) fn start_counting_failures(&self) {
        let identity = self.clone();
        let tasks = &self.inner.ambient.tasks;
        tasks.spawn("identity-count-failures", async move {
            loop {
                tokio::time::sleep(COUNTED_EVERY).await;
                if let Err(error) = identity.write_counts().await {
                    tracing::error!(%error, "failed sign-ins by providers could not be written to the audit log");
                }
            }
        });
    }

    /// Notes that a stranger was not let in.
    pub(super) async fn note_stranger(
        &self,
        trail: &Trail,
        provider: &Provider,
        reason: &'static str,
    ) -> Result<(), OutsideError> {
        self.write_counts().await?;
        match self.inner.failures.is_single(provider, reason) {
            true => self.note_failure(trail, provider, None, (reason, 1)).await,
            false => Ok(()),
        }
    }

    async fn write_counts(&self) -> Result<(), OutsideError> {
        let over = self
            .inner
            .failures
            .take_over(self.inner.ambient.clock.now_micros());
        for (provider, tally) in over {
            for (reason, count) in tally.counted {
                self.note_failure(&Trail::default(), &provider, None, (reason, count))
                    .await?;
            }
        }
        Ok(())
    }
}
