//! What runs on a link, so that it can be emptied before it is closed: nothing on it is cut short when the
//! next link of the same agent takes over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::NodeLink;

/// The calls on a link, and the link that took over from it.
#[derive(Default)]
pub(super) struct Traffic {
    state: Mutex<State>,
    /// Cancelled when another link has taken over.
    handed_over: CancellationToken,
    emptied: Notify,
}

#[derive(Default)]
struct State {
    calls: usize,
    successor: Option<NodeLink>,
}

/// A call on its way over a link. Dropping it says that it is over.
pub(super) struct Passing(NodeLink);

impl Passing {
    /// Lets a call begin on this link, or on the one that took over from it.
    pub(super) fn over(link: &NodeLink) -> Self {
        let mut link = link.clone();
        loop {
            let mut state = link.traffic().lock();
            match state.successor.clone() {
                None => {
                    state.calls += 1;
                    drop(state);
                    return Self(link);
                }
                Some(successor) => {
                    drop(state);
                    link = successor;
                }
            }
        }
    }

    /// The link it goes over.
    pub(super) const fn link(&self) -> &NodeLink {
        &self.0
    }
}

impl Traffic {
    /// No call begins here from now on.
    pub(super) fn hand_over(&self, to: &NodeLink) {
        self.lock().successor.get_or_insert_with(|| to.clone());
        self.handed_over.cancel();
    }

    /// Resolves when another link has taken over.
    pub(super) async fn handed_over(&self) {
        self.handed_over.cancelled().await;
    }

    /// Resolves when no call is on its way.
    pub(super) async fn emptied(&self) {
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.lock().calls == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let traffic = self.0.traffic();
        let mut state = traffic.lock();
        state.calls -= 1;
        if state.calls == 0 {
            traffic.emptied.notify_waiters();
        }
    }
}
