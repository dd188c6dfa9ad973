//! Reading a server's console: live from its node, or as pages of lines.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::timeout;
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom, Line};
use watchroom_model::{Page, PageError};
use watchroom_policy::{Permit, act};

use crate::gateway::asker;
use crate::servers::{Crowd, OrderError};
use crate::{Fleet, GatewayError};

/// After how many seconds it is worth asking again for a place.
const RETRY_S: u64 = 30;

/// Bytes of text on one page of lines; what is more comes with the next.
const LARGEST_PAGE: usize = 2 << 20;
/// How often a node may say that lines are gone, or say nothing, before its page is taken as it is. An honest one says
/// it once for each segment that retention dropped meanwhile.
const MOST_IDLE: usize = 64;
/// How long a node may take to give a page.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a console cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConsoleError {
    /// No such page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// As many are open as may be.
    #[error("too many consoles are open: {} at most", .0.most())]
    TooManyViewers(Crowd),
    /// Its node is away, or the server is gone.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl Fault for ConsoleError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Page(_) => FaultKind::Invalid,
            Self::TooManyViewers(_) => FaultKind::Limited,
            Self::Order(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Page(_) => "invalid-input",
            Self::TooManyViewers(_) => "too-many-viewers",
            Self::Order(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Page(error) => error.to_string(),
            Self::TooManyViewers(Crowd::Person) => format!(
                "you follow {} consoles, as many as one person may; close one, in another tab or terminal, and try again",
                Crowd::Person.most()
            ),
            Self::TooManyViewers(Crowd::Node) => format!(
                "{} consoles of this node are followed, as many as may be; read the lines page by page, or try again later",
                Crowd::Node.most()
            ),
            Self::Order(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Page(_) => None,
            Self::TooManyViewers(_) => Some(RETRY_S),
            Self::Order(error) => error.retry_after_s(),
        }
    }
}

/// A console as it comes from its node.
pub type ConsoleStream = BoxStream<'static, Result<ConsoleEvent, GatewayError>>;

impl Fleet {
    /// A server's console from somewhere on, and what comes, until the reader or the link goes. One person
    /// may follow 16 at once, and all people together 128 on one node.
    ///
    /// # Errors
    /// [`ConsoleError`] if too many are followed, the server is gone or its node is away.
    pub async fn console(
        &self,
        permit: &Permit<act::ReadConsole>,
        from: ConsoleFrom,
    ) -> Result<ConsoleStream, ConsoleError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        let server = self.known_server(id).ok_or(OrderError::NoSuchServer)?;
        let place = self.viewers().admit(permit.principal(), server.node.id());
        let place = place.map_err(ConsoleError::TooManyViewers)?;
        let events = self.open_console(permit, from, true).await?;
        // The place is left with the stream, whoever drops it.
        let events = stream::unfold((events, place), async |(mut events, place)| {
            let event = events.next().await?;
            Some((event, (events, place)))
        });
        Ok(events.boxed())
    }

    /// A page of a server's console from an offset on; the cursor is the next offset.
    ///
    /// # Errors
    /// [`ConsoleError`] if no such page can be asked for, the server is gone or its node is away.
    pub async fn logs(
        &self,
        permit: &Permit<act::ReadConsole>,
        from: ConsoleFrom,
        limit: u32,
    ) -> Result<Page<Line>, ConsoleError> {
        let stream = self.open_console(permit, from, false).await?;
        let read = timeout(PATIENCE, page(stream, limit)).await;
        let late = |_| {
            OrderError::Failed(format!(
                "its node did not give them within {} s",
                PATIENCE.as_secs()
            ))
        };
        Ok(read.map_err(late)??)
    }

    async fn open_console(
        &self,
        permit: &Permit<act::ReadConsole>,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<ConsoleStream, OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        let server = self.known_server(id).ok_or(OrderError::NoSuchServer)?;
        let node = server.node.id();
        let opened = self.gateway().console(node, asker(permit), id, from, follow);
        opened
            .await
            .map_err(|error| OrderError::from_gateway(server.node.name(), error))
    }
}

/// At most so many lines, and few bytes, whatever the node says: where it ends early, the cursor is the next line.
async fn page(mut stream: ConsoleStream, limit: u32) -> Result<Page<Line>, OrderError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut items, mut bytes, mut idle) = (Vec::new(), 0, 0);
    while let Some(event) = stream.next().await {
        let lines = match event.map_err(|error| OrderError::Failed(error.to_string()))? {
            ConsoleEvent::Lines(lines) => lines,
            ConsoleEvent::Skipped { .. } => Vec::new(),
        };
        if lines.is_empty() {
            idle += 1;
            if idle > MOST_IDLE {
                return Err(OrderError::Failed(
                    "its node only says that lines are gone".to_owned(),
                ));
            }
        }
        for line in lines {
            bytes += line.text.len();
            if items.len() == most || (bytes > LARGEST_PAGE && !items.is_empty()) {
                let next_cursor = Some(line.offset.to_string());
                return Ok(Page { items, next_cursor });
            }
            items.push(line);
        }
    }
    Ok(Page {
        items,
        next_cursor: None,
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use watchroom_model::console::Source;

    use super::*;

    fn line(offset: u64, bytes: usize) -> Line {
        Line {
            offset,
            at: OffsetDateTime::UNIX_EPOCH,
            source: Source::Stdout,
            text: "x".repeat(bytes),
        }
    }

    async fn paged(
        events: impl Iterator<Item = ConsoleEvent> + Send + 'static,
        limit: u32,
    ) -> Result<Page<Line>, OrderError> {
        page(stream::iter(events.map(Ok)).boxed(), limit).await
    }

    #[tokio::test]
    async fn a_page_ends_with_its_lines_or_its_bytes_and_the_cursor_is_the_next_line() {
        let short = |lines: std::ops::Range<u64>| {
            std::iter::once(ConsoleEvent::Lines(lines.map(|offset| line(offset, 1)).collect()))
        };
        let all = paged(short(0..5), 5).await.expect("a page");
        assert_eq!((all.items.len(), all.next_cursor), (5, None));
        let some = paged(short(0..6), 5).await.expect("a page");
        assert_eq!((some.items.len(), some.next_cursor.as_deref()), (5, Some("5")));
        // A node that never ends, each line as long as the link lets through.
        let long = (0..).map(|offset| ConsoleEvent::Lines(vec![line(offset, 48 << 10)]));
        let some = paged(long, 500).await.expect("a page");
        assert_eq!((some.items.len(), some.next_cursor.as_deref()), (42, Some("42")));
        let one = paged(
            (0..).map(|offset| ConsoleEvent::Lines(vec![line(offset, 3 << 20)])),
            9,
        )
        .await;
        let one = one.expect("a page");
        assert_eq!(
            (one.items.len(), one.next_cursor.as_deref()),
            (1, Some("1")),
            "a page is never empty"
        );
    }

    #[tokio::test]
    async fn a_node_that_only_says_that_lines_are_gone_is_not_listened_to_for_ever() {
        let gone = (0..).map(|from| ConsoleEvent::Skipped { from, to: from + 1 });
        let refused = paged(gone, 5).await.expect_err("no page");
        let OrderError::Failed(why) = refused else {
            panic!("{refused}")
        };
        assert!(why.contains("lines are gone"), "{why}");
        let nothing = std::iter::repeat_with(|| ConsoleEvent::Lines(Vec::new()));
        paged(nothing, 5).await.expect_err("no page");
    }
}
