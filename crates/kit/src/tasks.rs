//! Background work with a name, an owner and an end: nothing is spawned and forgotten.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::future::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// A group of named tasks that are cancelled together and waited for.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Tasks {
    /// An empty group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A group of its own that also ends when this one does.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            tracker: TaskTracker::new(),
            cancel: self.cancel.child_token(),
        }
    }

    /// Runs `work` until it ends or the group is stopped, whichever is first. For work that may be
    /// dropped at any await point; work that must tidy up watches [`Tasks::stopped`] through
    /// [`Tasks::spawn_graceful`] instead.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, work: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Combinators, since an `async` block would keep room for `work` twice: as captured, and as polled.
        let work = work.with_cancellation_token_owned(self.cancel.clone()).map(drop);
        tokio::spawn(
            self.tracker
                .track_future(work.instrument(tracing::debug_span!("task", task.name = name))),
        )
    }

    /// Runs `work` to its own end; it is expected to watch [`Tasks::stopped`] and finish soon after.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn_graceful<F>(&self, name: &'static str, work: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(
            self.tracker
                .track_future(work.instrument(tracing::debug_span!("task", task.name = name))),
        )
    }

    /// Resolves when the group is told to stop.
    pub async fn stopped(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the group has been told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Tells every task to stop, without waiting.
    pub fn stop(&self) {
        self.cancel.cancel();
        self.tracker.close();
    }

    /// Tells every task to stop and waits for them; `false` if some were still running after `patience`.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.stop();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
