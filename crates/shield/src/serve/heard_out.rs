//! The body of a request over HTTP/2, which is heard out even if whoever answered did not want it.
//!
//! Else the library resets the stream once it is answered, and a client that is still sending may throw the answer away, though it
//! must not (RFC 9113, 8.1): it would never learn why it was refused. Over HTTP/1 the connection lingers for that.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use watchroom_kit::Tasks;

/// How long the rest of a body is listened to.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes that are: what may be on its way before the other end hears of more room.
const MOST: usize = 64 * 1024;

/// A body that is heard out, by these tasks, when it is dropped before its end.
#[derive(Debug)]
pub(super) struct HeardOut {
    /// There until it is dropped.
    body: Option<Incoming>,
    tasks: Option<Tasks>,
}

impl HeardOut {
    /// `tasks` are those of an HTTP/2 connection; without them nobody listens to the rest.
    pub(super) fn new(body: Incoming, tasks: Option<&Tasks>) -> Self {
        let tasks = tasks.filter(|_| !body.is_end_stream()).cloned();
        Self {
            body: Some(body),
            tasks,
        }
    }
}

impl Drop for HeardOut {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        if let Some((tasks, mut rest)) = self.tasks.take().zip(rest) {
            tasks.spawn("rest of a body", async move {
                // Whoever goes on for longer has their stream reset.
                _ = tokio::time::timeout(PATIENCE, hear_out(&mut rest)).await;
            });
        }
    }
}

async fn hear_out(body: &mut Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

impl Body for HeardOut {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}
