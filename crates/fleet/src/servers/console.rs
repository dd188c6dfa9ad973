//! Reading a server's console: live from its node, or as pages of lines.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom, Line};
use watchroom_model::{Page, PageError};
use watchroom_policy::{Permit, act};

use crate::gateway::asker;
use crate::servers::{Crowd, OrderError};
use crate::{Fleet, GatewayError};

/// After how many seconds it is worth asking again for a place.
const RETRY_S: u64 = 30;

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
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut stream = self.open_console(permit, from, false).await?;
        let mut items = Vec::new();
        while let Some(event) = stream.next().await {
            match event.map_err(|error| OrderError::Failed(error.to_string()))? {
                ConsoleEvent::Lines(lines) => items.extend(lines),
                ConsoleEvent::Skipped { .. } => {}
            }
            if items.len() > most {
                break;
            }
        }
        let next_cursor = items.get(most).map(|line| line.offset.to_string());
        items.truncate(most);
        Ok(Page { items, next_cursor })
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
