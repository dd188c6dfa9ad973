//! The conversation over a WebSocket: one task that hears, tells and watches, with a bound for each.
//!
//! Nothing waits for a client in a buffer of its own: it has a place in the feed, which is the same for all, and whoever
//! falls behind it, or takes nothing for a while, is sent away to come back and catch up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::broadcast;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use watchroom_kit::{Fault, FaultKind};

use super::message::{Asked, Topic};
use crate::feed::message;
use crate::listening::{ENDED, Over};
use crate::{Feed, FeedItem, NotFound, Problem};

/// How often it is looked at how much came, and whether a ping is due.
const TICK: Duration = Duration::from_secs(1);
/// Ticks from one ping to the next. Whoever has said nothing since the one before is gone.
const PING_EVERY: u32 = 25;
/// Ticks for which what came is counted together, and the most messages and bytes that may come in them.
const COUNTED_OVER: u32 = 10;
const MOST_MESSAGES: u32 = 30;
const MOST_BYTES_HEARD: u64 = 64 * 1024;
/// How long a client may take to take one message.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// How long a client may take to hear that it is over. A connection is held no longer for it.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);
/// Topics of one connection, and of one message.
const MOST_TOPICS: usize = 64;

/// Why a conversation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client left, or its connection broke.
    Gone,
    /// It was not let in, or may be here no longer.
    Refused,
    /// What it showed is good no longer.
    Ended,
    /// It may do other things than before, and comes back to hear what.
    Changed,
    /// The house shuts down.
    Stopping,
    /// It takes what it is told too slowly.
    Slow,
    /// More happened than the house could tell.
    Missed,
    /// It says too much.
    Flooding,
    /// It did not answer a ping.
    Silent,
    /// It sent bytes that are no text.
    NoText,
    /// It said what nobody understands.
    NotUnderstood,
    /// It sent frames that are none.
    Malformed,
    /// It sent more than a message may have.
    TooLarge,
}

impl End {
    /// How it is told to the client (RFC 6455, 7.4.1, and IANA's list for 1012 and 1013).
    const fn told(self) -> Option<(CloseCode, &'static str)> {
        Some(match self {
            Self::Gone => return None,
            Self::Refused => (CloseCode::Policy, "refused"),
            Self::Ended => (CloseCode::Policy, "session ended"),
            Self::Flooding => (CloseCode::Policy, "too many messages"),
            Self::Silent => (CloseCode::Policy, "no answer to a ping"),
            Self::Changed => (CloseCode::Restart, "rights changed"),
            Self::Stopping => (CloseCode::Restart, "shutting down"),
            Self::Slow => (CloseCode::Again, "too slow"),
            Self::Missed => (CloseCode::Again, "too much happened"),
            Self::NoText => (CloseCode::Unsupported, "text only"),
            Self::NotUnderstood => (CloseCode::Invalid, "not understood"),
            Self::Malformed => (CloseCode::Protocol, "malformed"),
            Self::TooLarge => (CloseCode::Size, "too large"),
        })
    }
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::Barred => Self::Refused,
            Over::Ended => Self::Ended,
            Over::Changed => Self::Changed,
            Over::Stopping => Self::Stopping,
        }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Protocol(_) => Self::Malformed,
            Error::Utf8(_) => Self::NotUnderstood,
            Error::Capacity(_) => Self::TooLarge,
            _ => Self::Gone,
        }
    }
}

/// Whether somebody may hear of this.
type Hears<'a> = Box<dyn Fn(&FeedItem) -> bool + Send + Sync + 'a>;
/// Whether somebody may hear of this topic.
type May<'a> = Box<dyn Fn(&Topic) -> Result<(), Problem> + Send + Sync + 'a>;

/// What somebody may hear.
pub(super) struct Ears<'a> {
    pub(super) hears: Hears<'a>,
    pub(super) may: May<'a>,
}

/// A conversation.
pub(super) struct Talk<'a, S> {
    socket: WebSocketStream<S>,
    feed: Feed,
    ears: Ears<'a>,
    /// Each topic with the number of the item after which it is heard of.
    topics: BTreeMap<Topic, u64>,
    /// Bytes that came, and what may still come before they are counted anew.
    heard: Arc<AtomicU64>,
    heard_before: u64,
    messages: u32,
    /// Whether it said anything since the last ping.
    is_there: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    /// A conversation with whoever has these ears. `heard` counts the bytes that come.
    pub(super) fn new(socket: WebSocketStream<S>, feed: Feed, ears: Ears<'a>, heard: Arc<AtomicU64>) -> Self {
        Self {
            socket,
            feed,
            ears,
            topics: BTreeMap::new(),
            heard,
            heard_before: 0,
            messages: 0,
            is_there: true,
        }
    }

    /// Holds it until either side ends it, or `over` does.
    pub(super) async fn hold(mut self, over: impl Future<Output = Over>) {
        let end = tokio::select! {
            over = over => over.into(),
            end = self.converse() => end,
        };
        if end == End::Ended {
            let ended = Message::Text(message("ended", None, ENDED));
            // Whoever takes nothing is told by the end of the connection.
            drop(tokio::time::timeout(CLOSED_WITHIN / 4, self.socket.send(ended)).await);
        }
        close(&mut self.socket, end).await;
    }

    async fn converse(&mut self) -> End {
        let joined = self.feed.join(None);
        let mut live = joined.live;
        let hello = message("hello", Some(&joined.from), "{}");
        if let Err(end) = self.tell(hello).await {
            return end;
        }
        let mut tick = ticking();
        let mut turn = 0;
        loop {
            let done = tokio::select! {
                said = self.socket.next() => self.hear(said).await,
                told = live.recv() => self.pass_on(told).await,
                _ = tick.tick() => {
                    turn += 1;
                    self.watch(turn).await
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Counts what came, and pings.
    async fn watch(&mut self, turn: u32) -> Result<(), End> {
        let heard = self.heard.load(Ordering::Relaxed);
        if heard - self.heard_before > MOST_BYTES_HEARD {
            return Err(End::Flooding);
        }
        if turn.is_multiple_of(COUNTED_OVER) {
            (self.heard_before, self.messages) = (heard, 0);
        }
        if turn.is_multiple_of(PING_EVERY) {
            if !std::mem::take(&mut self.is_there) {
                return Err(End::Silent);
            }
            return self.send(Message::Ping(Bytes::new())).await;
        }
        Ok(())
    }

    async fn hear(&mut self, said: Option<Result<Message, Error>>) -> Result<(), End> {
        let said = said.ok_or(End::Gone)??;
        self.is_there = true;
        self.messages += 1;
        if self.messages > MOST_MESSAGES {
            return Err(End::Flooding);
        }
        match said {
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(asked) => self.do_as_asked(asked).await,
                Err(_) => Err(End::NotUnderstood),
            },
            Message::Binary(_) => Err(End::NoText),
            // The library answers a ping, and a close, by itself; after a close there is nothing more to hear.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn do_as_asked(&mut self, asked: Asked) -> Result<(), End> {
        let (Asked::Subscribe { topics, .. } | Asked::Unsubscribe { topics }) = &asked;
        if topics.len() > MOST_TOPICS {
            return Err(End::NotUnderstood);
        }
        match asked {
            Asked::Subscribe { topics, after } => self.subscribe(&topics, after.as_deref()).await,
            Asked::Unsubscribe { topics } => {
                for topic in topics.iter().filter_map(|text| text.parse().ok()) {
                    self.topics.remove(&topic);
                }
                let now = json!({ "topics": self.named() }).to_string();
                self.tell(message("unsubscribed", None, &now)).await
            }
        }
    }

    /// From now on tells of these topics too, and at once of what happened to them after the thing named.
    async fn subscribe(&mut self, topics: &[String], after: Option<&str>) -> Result<(), End> {
        let joined = self.feed.join(after);
        let mut added = Vec::new();
        for text in topics {
            match self.admitted(text) {
                Ok(topic) => {
                    let from = self.topics.entry(topic).or_insert(joined.newest);
                    // What it hears of already may be on its way: only what follows at once is not told again.
                    if joined.recovered {
                        *from = joined.newest;
                    }
                    added.push(topic);
                }
                Err(problem) => {
                    let why = json!({ "topic": text, "type": problem.kind, "detail": problem.detail });
                    self.tell(message("refused", None, &why.to_string())).await?;
                }
            }
        }
        let now = json!({ "topics": self.named(), "recovered": joined.recovered }).to_string();
        self.tell(message("subscribed", Some(&joined.from), &now)).await?;
        for item in joined.missed {
            if added.iter().any(|topic| topic.holds(&item)) && (self.ears.hears)(&item) {
                self.tell(item.as_message()).await?;
            }
        }
        Ok(())
    }

    /// A topic that they may hear of, if there is room for it.
    fn admitted(&self, text: &str) -> Result<Topic, Problem> {
        let topic = text.parse().map_err(|_| NotFound)?;
        if self.topics.len() >= MOST_TOPICS && !self.topics.contains_key(&topic) {
            return Err(TooManyTopics.into());
        }
        (self.ears.may)(&topic)?;
        Ok(topic)
    }

    fn named(&self) -> Vec<String> {
        self.topics.keys().map(Topic::to_string).collect()
    }

    async fn pass_on(&mut self, told: Result<Arc<FeedItem>, broadcast::error::RecvError>) -> Result<(), End> {
        // Either way it comes back, names the last thing it has heard of, and catches up or begins anew.
        let item = told.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(_) => End::Slow,
            broadcast::error::RecvError::Closed => End::Missed,
        })?;
        let is_new = |(topic, from): (&Topic, &u64)| item.seq > *from && topic.holds(&item);
        if self.topics.iter().any(is_new) && (self.ears.hears)(&item) {
            self.tell(item.as_message()).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.send(Message::Text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let taken = tokio::time::timeout(TAKEN_WITHIN, self.socket.send(message)).await;
        taken.map_err(|_| End::Slow)?.map_err(End::from)
    }
}

/// Says why it is over, and gives the other end a moment to hear it.
pub(super) async fn close<S>(socket: &mut WebSocketStream<S>, end: End)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let told = end.told().map(|(code, reason)| CloseFrame {
        code,
        reason: Utf8Bytes::from_static(reason),
    });
    let told = async {
        if let Some(told) = told {
            // It may be closed already, or broken; what follows finds out.
            drop(socket.close(Some(told)).await);
        }
        // The stream alone from here on: what still comes is read, since closing before would take our words back.
        let stream = socket.get_mut();
        let mut scrap = [0; 1024];
        stream.shutdown().await?;
        while stream.read(&mut scrap).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whoever does not hear it has left, or is cut off now.
    drop(tokio::time::timeout(CLOSED_WITHIN, told).await);
}

/// More topics than one connection has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one connection hears of {MOST_TOPICS} topics at most")]
struct TooManyTopics;

impl Fault for TooManyTopics {
    fn kind(&self) -> FaultKind {
        FaultKind::Limited
    }

    fn slug(&self) -> &'static str {
        "too-many-topics"
    }

    fn public(&self) -> String {
        format!(
            "one connection hears of {MOST_TOPICS} topics at most; leave some, or subscribe to all of a kind"
        )
    }
}

fn ticking() -> Interval {
    let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

#[cfg(test)]
mod tests;
