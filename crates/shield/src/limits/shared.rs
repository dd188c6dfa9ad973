//! Counters that several replicas keep together, as this one sees them.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{LimitKey, Limits, Verdict, Window};

/// One thing to count: for whom, and in which windows.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// The kind of limit; each has its own counter.
    pub class: &'static str,
    /// For whom.
    pub key: LimitKey<'a>,
    /// In which windows.
    pub windows: &'a [Window],
}

/// Counters that several replicas keep together. They decide in one step: two replicas that ask at once never
/// both get the last one.
pub trait SharedCounters: fmt::Debug + Send + Sync + 'static {
    /// Counts one in every window, unless one of them is full. `None` if the counters do not answer: at once
    /// when that is known, and after a short wait the first time.
    fn take<'a>(&'a self, charge: Charge<'a>) -> BoxFuture<'a, Option<Verdict>>;

    /// Takes the newest one counted back out of all windows that the key has, in the background.
    fn give_back(&self, charge: Charge<'_>);

    /// Why they do not answer, if they do not.
    fn trouble(&self) -> Option<String>;
}

impl Limits {
    /// Counts together with others from now on; the first such counters stay.
    pub fn share(&self, counters: Arc<dyn SharedCounters>) {
        let _first_stays = self.shared.set(counters);
    }

    /// Whether it is counted together with others.
    #[must_use]
    pub fn are_shared(&self) -> bool {
        self.shared().is_some()
    }

    /// Why the shared counters do not answer, if there are any and they do not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared()?.trouble()
    }

    /// The counters that are shared, if any are.
    pub(crate) fn shared(&self) -> Option<&dyn SharedCounters> {
        self.shared.get().map(|counters| &**counters)
    }

    /// What [`Limits::take`] says, and if that lets it through, what the replicas together say. No windows, no
    /// limit: `None`.
    pub async fn take_everywhere(
        &self,
        class: &'static str,
        key: LimitKey<'_>,
        windows: &[Window],
    ) -> Option<Verdict> {
        let here = self.take(class, key, windows)?;
        if self.shared().is_none() {
            return Some(here);
        }
        // Boxed, so that whoever has nobody to ask holds no room for asking.
        Some(Box::pin(self.confirm(Charge { class, key, windows }, here)).await)
    }

    /// Asks the replicas together about what has been counted here as `here`.
    pub(crate) async fn confirm(&self, charge: Charge<'_>, here: Verdict) -> Verdict {
        let Some(shared) = self.shared().filter(|_| !here.is_limited) else {
            return here;
        };
        let Some(together) = shared.take(charge).await else {
            return here;
        };
        if together.is_limited {
            // What is refused is not counted.
            self.give_back_here(self.key(charge.class, charge.key));
        }
        together
    }
}
