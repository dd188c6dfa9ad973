//! One change in the writer's queue: its closure, its entry, and who waits for the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;
use watchroom_audit::Draft;

use crate::{StoreError, WriteTx};

/// A change whatever its types are. It can be attempted more than once, and is answered once.
pub(crate) trait Change: Send {
    /// Runs the closure; whether it wants its change kept.
    fn attempt(&mut self, tx: &WriteTx) -> bool;

    /// Turns a success into this error; what the closure itself refused stays.
    fn refuse(&mut self, error: StoreError);

    /// The entry it leaves; claims leave none.
    fn draft(&self) -> Option<Draft>;

    /// Tells who waits.
    fn answer(self: Box<Self>);
}

/// A closure with the place for its answer.
pub(crate) struct Order<T, E, F> {
    work: F,
    draft: Draft,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Order<T, E, F> {
    pub(crate) fn new(work: F, draft: Draft, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            work,
            draft,
            outcome: None,
            reply,
        }
    }
}

impl<T, E, F> Change for Order<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: AsyncFn(&WriteTx) -> Result<T, E> + Send + 'static,
{
    fn attempt(&mut self, tx: &WriteTx) -> bool {
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once((self.work)(tx))));
        let outcome = match polled {
            Ok(Poll::Ready(outcome)) => outcome,
            Ok(Poll::Pending) => Err(broken("a write waited for something else than its transaction")),
            Err(_) => Err(broken("a write panicked; the log has the detail")),
        };
        let stands = outcome.is_ok();
        self.outcome = Some(outcome);
        stands
    }

    fn refuse(&mut self, error: StoreError) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error.into()));
        }
    }

    fn draft(&self) -> Option<Draft> {
        Some(self.draft.clone())
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(StoreError::Closed.into()));
        // Whoever asked may have gone; the change stands all the same.
        drop(self.reply.send(outcome));
    }
}

fn broken<E: From<StoreError>>(why: &str) -> E {
    StoreError::Database(why.to_owned()).into()
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
