//! How long somebody may listen: what ends an event stream, a WebSocket that nobody closes or an answer that
//! takes long, within a second.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use watchroom_kit::Tasks;

use crate::Caller;

/// How often it is made sure that somebody may still listen.
const CHECKED_EVERY: Duration = Duration::from_millis(500);

/// What whoever may listen no longer is told, as the data of `ended`.
pub(crate) const ENDED: &str = "{\"why\":\"session\"}";

/// Why somebody hears no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Their address is kept out.
    Barred,
    /// What they showed is good no longer.
    Ended,
    /// They may do other things than when they came. They come back, and are told what they may hear now.
    Changed,
    /// The house shuts down.
    Stopping,
}

/// Whoever was being sent something may have it no longer, or the house shuts down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("whoever was being sent this may have it no longer")]
pub struct CutOff;

impl Caller {
    /// What is sent as long as the caller may have it. It breaks off with an error, so that nobody takes what came for all there is.
    pub fn while_allowed<T: Send + 'static>(
        &self,
        stream: BoxStream<'static, T>,
        tasks: &Tasks,
    ) -> BoxStream<'static, Result<T, CutOff>> {
        let (caller, tasks) = (self.clone(), tasks.clone());
        until(async move { caller.until_over(&tasks).await }, stream)
    }

    /// Resolves when the caller may listen no longer, or the house shuts down. Nothing that a slow reader does, or does not
    /// do, keeps it from that.
    pub(crate) async fn until_over(&self, tasks: &Tasks) -> Over {
        let mut tick = tokio::time::interval(CHECKED_EVERY);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = tasks.stopped() => return Over::Stopping,
            }
            if self.is_barred() {
                return Over::Barred;
            }
            if !self.is_still_good() {
                return Over::Ended;
            }
            if !self.holds_the_same() {
                return Over::Changed;
            }
        }
    }
}

/// A stream that breaks off when something else is over.
fn until<T: Send + 'static, O>(
    over: impl Future<Output = O> + Send + 'static,
    stream: BoxStream<'static, T>,
) -> BoxStream<'static, Result<T, CutOff>> {
    let parts = Some((stream, Box::pin(over)));
    let sent = stream::unfold(parts, |parts| async {
        let (mut stream, mut over) = parts?;
        tokio::select! {
            biased;
            _ = &mut over => Some((Err(CutOff), None)),
            item = stream.next() => item.map(|item| (Ok(item), Some((stream, over)))),
        }
    });
    sent.boxed()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_ends_as_it_should_or_breaks_off_with_an_error() {
        let whole = until(pending::<()>(), stream::iter([1, 2]).boxed());
        assert_eq!(whole.collect::<Vec<_>>().await, [Ok(1), Ok(2)]);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let mut endless = until(ended, stream::repeat(7).boxed());
        assert_eq!(endless.next().await, Some(Ok(7)));
        drop(end);
        assert_eq!(endless.collect::<Vec<_>>().await, [Err(CutOff)]);
        let nothing_comes = until(async {}, stream::pending::<i32>().boxed());
        assert_eq!(nothing_comes.collect::<Vec<_>>().await, [Err(CutOff)]);
    }
}
