//! One node's live link: orders, consoles, and what the node said last.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_model::{Envelope, Heartbeat, NodeId, OrderOutcome, ServerId, ServerReport};

use crate::transport::{HostTransport, TransportError};
use crate::wire::{self, node_client::NodeClient};
use crate::{ConnectFault, LinkError, NodeHello};

/// A console as it comes over the link. It ends with an error if the link does.
pub type ConsoleStream = BoxStream<'static, Result<ConsoleEvent, LinkError>>;

pub(crate) type Client = NodeClient<HostTransport>;

/// A live link. Cloning shares it; it stays usable, and answers with errors, after the link has ended.
#[derive(Clone)]
pub struct NodeLink(Arc<Inner>);

struct Inner {
    node: NodeId,
    hello: Arc<NodeHello>,
    peer: SocketAddr,
    since: OffsetDateTime,
    client: Client,
    call_patience: Duration,
    ended: CancellationToken,
    why: Mutex<Option<ConnectFault>>,
    heartbeat: Mutex<Option<(Arc<Heartbeat>, OffsetDateTime)>>,
    reports: Mutex<BTreeMap<ServerId, Arc<ServerReport>>>,
}

impl std::fmt::Debug for NodeLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeLink")
            .field("node", &self.0.node)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

impl NodeLink {
    pub(crate) fn new(
        node: NodeId,
        hello: NodeHello,
        peer: SocketAddr,
        client: Client,
        (since, call_patience): (OffsetDateTime, Duration),
    ) -> Self {
        Self(Arc::new(Inner {
            node,
            hello: Arc::new(hello),
            peer,
            since,
            client,
            call_patience,
            ended: CancellationToken::new(),
            why: Mutex::default(),
            heartbeat: Mutex::default(),
            reports: Mutex::default(),
        }))
    }

    /// Which node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// What it said of itself.
    #[must_use]
    pub fn hello(&self) -> &NodeHello {
        &self.0.hello
    }

    /// From where it dialled.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Since when it is linked.
    #[must_use]
    pub fn since(&self) -> OffsetDateTime {
        self.0.since
    }

    /// What it said last and when that arrived; `None` before its first heartbeat.
    #[must_use]
    pub fn heartbeat(&self) -> Option<(Arc<Heartbeat>, OffsetDateTime)> {
        self.0
            .heartbeat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Its servers as it reported them last.
    #[must_use]
    pub fn reports(&self) -> Vec<Arc<ServerReport>> {
        self.0
            .reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.ended.is_cancelled()
    }

    /// Gives the node an order and waits for its answer, at most the envelope's deadline. After
    /// [`LinkError::TimedOut`] or [`LinkError::Lost`] the same key may be sent again, over this link or the
    /// next: the node does it once and gives the first answer.
    ///
    /// # Errors
    /// [`LinkError`]; [`LinkError::may_still_happen`] says whether it is settled.
    pub async fn order(&self, envelope: Envelope) -> Result<OrderOutcome, LinkError> {
        let deadline = envelope.deadline;
        let envelope_json = wire::json(&envelope).map_err(|status| unsendable(&status))?;
        let mut client = self.0.client.clone();
        let request = wire::OrderRequest { envelope_json };
        let reply = self.within(deadline, true, client.r#do(request)).await?;
        wire::answer(&reply.into_inner().outcome_json)
    }

    /// Opens a server's console; without end while `follow`, else it ends with what there is.
    ///
    /// # Errors
    /// [`LinkError`]; the code `no_such_server` if the node keeps none of this id.
    pub async fn console(
        &self,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<ConsoleStream, LinkError> {
        let from_json = wire::json(&from).map_err(|status| unsendable(&status))?;
        let request = wire::ConsoleRequest {
            server: server.to_string(),
            from_json,
            follow,
        };
        let mut client = self.0.client.clone();
        let opened = self
            .within(self.0.call_patience, false, client.console(request))
            .await?;
        let events = stream::unfold(Some((self.clone(), opened.into_inner())), async |state| {
            let (link, mut messages) = state?;
            let next = tokio::select! {
                biased;
                next = messages.message() => next,
                () = link.0.ended.cancelled() => return Some((Err(link.lost(false)), None)),
            };
            match next {
                Ok(Some(message)) => Some((wire::answer(&message.event_json), Some((link, messages)))),
                Ok(None) => None,
                Err(status) => Some((Err(link.failed(&status, false)), None)),
            }
        });
        Ok(events.boxed())
    }

    /// Waits for an answer until the deadline or the end of the link, whichever is first.
    pub(crate) async fn within<T>(
        &self,
        deadline: Duration,
        may_still_happen: bool,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, LinkError> {
        if self.is_ended() {
            return Err(LinkError::NotConnected { since: None });
        }
        tokio::select! {
            biased;
            answer = call => answer.map_err(|status| self.failed(&status, may_still_happen)),
            () = self.0.ended.cancelled() => Err(self.lost(may_still_happen)),
            () = tokio::time::sleep(deadline) => Err(LinkError::TimedOut { after: deadline, may_still_happen }),
        }
    }

    fn lost(&self, may_still_happen: bool) -> LinkError {
        let why = self.0.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        LinkError::Lost {
            why: why.map_or_else(|| "it ended".to_owned(), |why| why.to_string()),
            may_still_happen,
        }
    }

    /// What a status means: a refusal of our node, nothing sent, or a link that is breaking.
    fn failed(&self, status: &Status, may_still_happen: bool) -> LinkError {
        if let Some(refused) = wire::refused(status) {
            return refused;
        }
        let source =
            std::error::Error::source(status).and_then(|source| source.downcast_ref::<TransportError>());
        if let Some(TransportError::NotSent(_)) = source {
            return LinkError::NotConnected { since: None };
        }
        let why = match status.code() {
            Code::Unimplemented => "this version of the node does not know the call".to_owned(),
            _ => status.message().to_owned(),
        };
        LinkError::Lost {
            why,
            may_still_happen: may_still_happen && status.code() != Code::Unimplemented,
        }
    }

    /// Ends it without a word.
    pub(crate) fn end(&self, why: &ConnectFault) {
        self.0
            .why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| why.clone());
        self.0.ended.cancel();
    }

    /// Tells the node why, waits at most `patience` until it has heard, and ends the link.
    pub(crate) async fn dismiss(&self, why: &ConnectFault, patience: Duration) {
        let verdict = wire::Verdict {
            refusal: Some(why.into()),
        };
        let mut client = self.0.client.clone();
        // A node that cannot be told any more learns of the end from the closed connection.
        drop(self.within(patience, false, client.settle(verdict)).await);
        self.end(why);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.0.hello.epoch
    }

    pub(crate) fn hello_shared(&self) -> Arc<NodeHello> {
        Arc::clone(&self.0.hello)
    }

    pub(crate) fn client(&self) -> Client {
        self.0.client.clone()
    }

    pub(crate) async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    pub(crate) fn why(&self) -> Option<ConnectFault> {
        self.0.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_heartbeat(&self, heartbeat: &Arc<Heartbeat>, at: OffsetDateTime) {
        *self.0.heartbeat.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(heartbeat), at));
    }

    pub(crate) fn note_report(&self, report: &Arc<ServerReport>) {
        let mut reports = self.0.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.insert(report.id, Arc::clone(report));
    }

    pub(crate) fn note_all(&self, all: &[ServerReport]) {
        let all = all
            .iter()
            .map(|report| (report.id, Arc::new(report.clone())))
            .collect();
        *self.0.reports.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

/// What cannot be written down is refused before anything is sent.
fn unsendable(status: &Status) -> LinkError {
    LinkError::Refused {
        code: "bad_request".to_owned(),
        why: status.message().to_owned(),
    }
}
