//! Orders on the node: each runs to its end whatever becomes of the link, and one key runs once at a time.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::oneshot;
use watchroom_kit::Tasks;
use watchroom_model::{Envelope, OrderOutcome};

use crate::Agent;

type Pending = Shared<BoxFuture<'static, Option<OrderOutcome>>>;

/// The orders that are being done. What is done is remembered by the [`Agent`].
#[derive(Clone)]
pub(crate) struct Orders {
    agent: Arc<dyn Agent>,
    tasks: Tasks,
    running: Arc<DashMap<String, Pending>>,
}

impl Orders {
    /// `tasks` is the node's own group, which outlives every link.
    pub(crate) fn new(agent: Arc<dyn Agent>, tasks: Tasks) -> Self {
        Self {
            agent,
            tasks,
            running: Arc::default(),
        }
    }

    pub(crate) const fn agent(&self) -> &Arc<dyn Agent> {
        &self.agent
    }

    /// Does the order, or waits for the same one that is being done. `None` if the node stopped meanwhile.
    pub(crate) async fn settle(&self, envelope: Envelope) -> Option<OrderOutcome> {
        let pending = match self.running.entry(envelope.key.clone()) {
            Entry::Occupied(running) => running.get().clone(),
            Entry::Vacant(free) => free.insert(self.begin(envelope)).clone(),
        };
        pending.await
    }

    fn begin(&self, envelope: Envelope) -> Pending {
        let (done, outcome) = oneshot::channel();
        let (agent, running) = (Arc::clone(&self.agent), Arc::clone(&self.running));
        // In a task of the node, because the call that brought the order is dropped with its link.
        drop(self.tasks.spawn_graceful("link.order", async move {
            let key = envelope.key.clone();
            let answer = agent.order(envelope).await;
            running.remove(&key);
            // The link may be gone; the agent keeps the answer for the next time the key comes.
            drop(done.send(answer));
        }));
        outcome.map(Result::ok).boxed().shared()
    }
}
