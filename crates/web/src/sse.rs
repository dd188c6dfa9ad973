//! Server-sent events: a body that is written as things happen and ends when the caller's session does.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use watchroom_kit::Tasks;

use crate::listening::{ENDED, Over};
use crate::{Caller, Feed, FeedItem};

/// How often a comment is sent, so that proxies and browsers keep the connection.
const KEPT_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// Events that may wait for a slow reader before the stream is ended; it then comes back and catches up.
const WAITING: usize = 256;
/// The same where events are large; the sender then waits.
const LARGE_WAITING: usize = 4;

/// The writing end of an event stream.
#[derive(Clone, Debug)]
pub struct EventStream {
    sender: mpsc::Sender<Bytes>,
}

impl EventStream {
    /// A stream of small events and the response that carries it.
    #[must_use]
    pub fn open() -> (Self, Response) {
        Self::with_waiting(WAITING)
    }

    /// A stream of events of a hundred kilobytes: only a few wait for a slow reader, who otherwise would be
    /// given tens of megabytes of our memory for nothing.
    #[must_use]
    pub fn open_for_large() -> (Self, Response) {
        Self::with_waiting(LARGE_WAITING)
    }

    fn with_waiting(most: usize) -> (Self, Response) {
        let (sender, receiver) = mpsc::channel(most);
        let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, Infallible>));
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        (Self { sender }, response)
    }

    /// Sends one event, waiting while the reader is slow; `false` once the reader is gone.
    pub async fn send(&self, event: &str, id: Option<&str>, data: &str) -> bool {
        self.sender.send(self::event(event, id, data)).await.is_ok()
    }

    /// As [`EventStream::send`], of something as JSON.
    pub async fn send_json(&self, event: &str, id: Option<&str>, data: &impl Serialize) -> bool {
        match serde_json::to_string(data) {
            Ok(json) => self.send(event, id, &json).await,
            Err(error) => {
                tracing::error!(%error, event, "an event cannot be written as JSON");
                false
            }
        }
    }

    /// Resolves when the reader is gone, the caller may listen no longer or from there no longer, or the house shuts
    /// down.
    pub async fn until_over(&self, caller: &Caller, tasks: &Tasks) {
        let over = tokio::select! {
            over = caller.until_over(tasks) => over,
            () = self.sender.closed() => return,
            () = self.keep_alive() => return,
        };
        if over == Over::Ended {
            // Whoever reads so slowly that there is no room is not waited for.
            drop(self.sender.try_send(event("ended", None, ENDED)));
        }
    }

    async fn keep_alive(&self) {
        loop {
            tokio::time::sleep(KEPT_ALIVE_EVERY).await;
            if self.sender.send(Bytes::from_static(b": here\n\n")).await.is_err() {
                return;
            }
        }
    }

    /// Feeds the caller what they may hear, from the last id they name on, until it is over.
    pub async fn follow(self, feed: Feed, caller: Caller, last_id: Option<String>, tasks: Tasks) {
        tokio::select! {
            () = self.until_over(&caller, &tasks) => {}
            () = self.pump(&feed, &caller, last_id.as_deref()) => {}
        }
    }

    async fn pump(&self, feed: &Feed, caller: &Caller, last_id: Option<&str>) {
        let mut joined = feed.join(last_id);
        let hello = serde_json::json!({ "recovered": joined.recovered });
        if !self.send_json("hello", Some(&joined.from), &hello).await {
            return;
        }
        for item in joined.missed {
            if !self.pass_on(caller, &item).await {
                return;
            }
        }
        loop {
            match joined.live.recv().await {
                Ok(item) => {
                    if !self.pass_on(caller, &item).await {
                        return;
                    }
                }
                // The reader is too slow, or more happened than can be told: it comes back, names its last id, and catches up
                // or begins anew.
                Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn pass_on(&self, caller: &Caller, item: &FeedItem) -> bool {
        !item.is_for(caller.principal()) || self.sender.send(item.as_event()).await.is_ok()
    }
}

/// One event as it stands in a stream.
pub(crate) fn event(name: &str, id: Option<&str>, data: &str) -> Bytes {
    let mut text = format!("event: {name}\n");
    if let Some(id) = id {
        text.push_str(&format!("id: {id}\n"));
    }
    for line in data.split('\n') {
        text.push_str(&format!("data: {line}\n"));
    }
    text.push('\n');
    text.into()
}
