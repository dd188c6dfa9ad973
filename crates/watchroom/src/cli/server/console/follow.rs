//! A console followed live, over lost connections and restarts of the Host, without a gap.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;
use watchroom_kit::{Ambient, Backoff, Fault, FaultKind};
use watchroom_model::console::{ConsoleEvent, Line};

use super::unreadable;
use crate::client::{CallError, Client, Event, Events, Streamed};
use crate::failure::Failure;

/// Attempts in a row before giving up: about half a minute, enough for a restart.
const ATTEMPTS: u32 = 10;

/// Where a viewer begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    Offset(u64),
    Last(u64),
}

/// A viewer of one console.
pub(super) struct Follow {
    client: Client,
    path: String,
    start: Start,
    streamed: Option<Streamed>,
    events: Events,
    waiting: VecDeque<Event>,
    was_connected: bool,
    failures: u32,
    backoff: Backoff,
}

impl Follow {
    /// Begins at a line.
    pub(super) fn from(client: Client, id: Uuid, offset: u64, ambient: &Ambient) -> Self {
        Self::new(client, id, Start::Offset(offset), ambient)
    }

    /// Begins with the last lines there are.
    pub(super) fn last(client: Client, id: Uuid, lines: u64, ambient: &Ambient) -> Self {
        Self::new(client, id, Start::Last(lines), ambient)
    }

    fn new(client: Client, id: Uuid, start: Start, ambient: &Ambient) -> Self {
        let backoff = Backoff::new(
            Duration::from_millis(250),
            Duration::from_secs(5),
            ambient.entropy.clone(),
        );
        Self {
            client,
            path: format!("/api/servers/{id}/console"),
            start,
            streamed: None,
            events: Events::default(),
            waiting: VecDeque::new(),
            was_connected: false,
            failures: 0,
            backoff,
        }
    }

    /// The next lines. May be dropped while waiting without losing one.
    pub(super) async fn next(&mut self) -> Result<ConsoleEvent, Failure> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                if event.name == "lost" {
                    self.waiting.clear();
                    self.retry(lost(&event)).await?;
                } else if let Some(event) = self.read(&event)? {
                    self.failures = 0;
                    self.backoff.reset();
                    return Ok(event);
                }
            } else if let Err(error) = self.fill().await {
                self.retry(error).await?;
            }
        }
    }

    /// Waits for the next piece of the stream, opening it first if need be.
    async fn fill(&mut self) -> Result<(), CallError> {
        let streamed = match &mut self.streamed {
            Some(streamed) => streamed,
            None => {
                let query = match self.start {
                    Start::Offset(offset) => [("from", offset.to_string())],
                    Start::Last(lines) => [("last", lines.to_string())],
                };
                let opened = self
                    .client
                    .stream(&self.path, &query, "text/event-stream")
                    .await?;
                self.events = Events::default();
                self.was_connected = true;
                self.streamed.insert(opened)
            }
        };
        let ended = || CallError::Lost {
            target: streamed.target().to_owned(),
            source: "the Host ended the stream".into(),
        };
        let ended = ended();
        let piece = streamed.next().await?.ok_or(ended)?;
        let events = self.events.push(&piece);
        let oversize = |error| CallError::Foreign {
            target: self.path.clone(),
            what: format!("{error}"),
        };
        self.waiting.extend(events.map_err(oversize)?);
        Ok(())
    }

    /// After a lost connection waits a little, unless that has been of no use for long.
    async fn retry(&mut self, error: CallError) -> Result<(), Failure> {
        let is_passing = matches!(error.kind(), FaultKind::Unavailable | FaultKind::Timeout);
        self.streamed = None;
        self.failures += 1;
        if !is_passing || !self.was_connected || self.failures > ATTEMPTS {
            return Err(error.into());
        }
        tokio::time::sleep(self.backoff.next_delay()).await;
        Ok(())
    }

    fn read(&mut self, event: &Event) -> Result<Option<ConsoleEvent>, Failure> {
        let broken = |error: serde_json::Error| unreadable(&error);
        match event.name.as_str() {
            "lines" => {
                let lines: Vec<Line> = serde_json::from_str(&event.data).map_err(broken)?;
                if let Some(last) = lines.last() {
                    self.start = Start::Offset(last.offset + 1);
                }
                Ok(Some(ConsoleEvent::Lines(lines)))
            }
            "skipped" => {
                let gap: Value = serde_json::from_str(&event.data).map_err(broken)?;
                let number = |name: &str| gap.get(name).and_then(Value::as_u64);
                let (Some(from), Some(to)) = (number("from"), number("to")) else {
                    return Err(Failure::new(
                        FaultKind::Internal,
                        "the Host told of skipped lines without saying which",
                    ));
                };
                self.start = Start::Offset(to);
                Ok(Some(ConsoleEvent::Skipped { from, to }))
            }
            // What a newer Host may add.
            _ => Ok(None),
        }
    }
}

/// The Host lost its own link to the node.
fn lost(event: &Event) -> CallError {
    let told: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let why = told
        .get("why")
        .and_then(Value::as_str)
        .unwrap_or("the Host did not say why")
        .to_owned();
    CallError::Lost {
        target: "the server's console".to_owned(),
        source: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::room::{Room, Turn};

    fn lines(offsets: std::ops::Range<u64>) -> Turn {
        let line =
            |offset| json!({"offset": offset, "at": "2026-01-02T03:04:05Z", "source": "stdout", "text": "x"});
        let lines: Vec<_> = offsets.map(line).collect();
        Turn::Events(format!(": hello\n\nevent: lines\ndata: {}\n\n", json!(lines)))
    }

    fn offsets(event: &ConsoleEvent) -> Vec<u64> {
        match event {
            ConsoleEvent::Lines(lines) => lines.iter().map(|line| line.offset).collect(),
            ConsoleEvent::Skipped { .. } => Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_console_goes_on_after_the_connection_was_lost_without_a_gap_or_a_repetition() {
        let room = Room::open(vec![
            lines(0..2),
            Turn::HangUp,
            lines(2..3),
            Turn::Events("event: skipped\ndata: {\"from\":3,\"to\":9}\n\n".to_owned()),
            Turn::Answer(404, json!({"detail": "there is no such server"})),
        ])
        .await;
        let id = room.ambient.uuid();
        let mut follow = Follow::last(room.client(), id, 10, &room.ambient);
        assert_eq!(offsets(&follow.next().await.unwrap()), [0, 1]);
        assert_eq!(offsets(&follow.next().await.unwrap()), [2]);
        assert_eq!(
            follow.next().await.unwrap(),
            ConsoleEvent::Skipped { from: 3, to: 9 }
        );
        let gone = follow.next().await.unwrap_err();
        assert!(gone.render(false).contains("there is no such server"));
        let path = format!("GET /api/servers/{id}/console");
        let asked: Vec<_> = room
            .asked()
            .into_iter()
            .map(|asked| asked.line.replace(&path, ""))
            .collect();
        assert_eq!(asked, ["?last=10", "?from=2", "?from=2", "?from=3", "?from=9"]);
    }

    #[tokio::test]
    async fn a_link_that_was_lost_behind_the_host_is_waited_for() {
        let lost = Turn::Events("event: lost\ndata: {\"why\":\"the node is away\"}\n\n".to_owned());
        let room = Room::open(vec![lost, lines(0..1)]).await;
        let mut follow = Follow::last(room.client(), room.ambient.uuid(), 1, &room.ambient);
        assert_eq!(offsets(&follow.next().await.unwrap()), [0]);
    }

    #[tokio::test]
    async fn a_host_that_never_answered_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let ambient = Ambient::system();
        let client = Client::new(
            crate::client::Target::local(folder.path()).unwrap(),
            ambient.clone(),
        );
        let mut follow = Follow::last(client, ambient.uuid(), 1, &ambient);
        assert_eq!(follow.next().await.unwrap_err().exit_code(), 4);
    }
}
