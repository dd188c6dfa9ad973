//! One node's live link: orders, and what the node said last.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status, Streaming};
use uuid::Uuid;
use watchroom_model::{Envelope, Heartbeat, NodeId, OrderOutcome, ServerId, ServerReport};
use watchroom_trust::Fingerprint;

use super::Shared;
use super::arrival::{Arrival, Passage};
use super::traffic::{Passing, Traffic};
use crate::bounds::MOST_SERVERS;
use crate::http2::{HostTransport, TransportError};
use crate::statement::{self, Content};
use crate::wire::{self, node_client::NodeClient};
use crate::{ConnectFault, LinkError, NodeHello};

/// How much longer than its deadline a signature holds: what it is on may have to wait on its way.
const SIGNATURE_HOLDS: Duration = Duration::from_secs(60);

pub(crate) type Client = NodeClient<HostTransport>;

/// A live link. Cloning shares it; it stays usable, and answers with errors, after the link has ended.
#[derive(Clone)]
pub struct NodeLink(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    arrival: Arrival,
    hello: Arc<NodeHello>,
    since: OffsetDateTime,
    client: Client,
    traffic: Traffic,
    ended: CancellationToken,
    why: Mutex<Option<ConnectFault>>,
    heartbeat: Mutex<Option<(Arc<Heartbeat>, OffsetDateTime)>>,
    reports: Mutex<BTreeMap<ServerId, Arc<ServerReport>>>,
}

impl std::fmt::Debug for NodeLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeLink")
            .field("node", &self.node())
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

impl NodeLink {
    pub(super) fn new(shared: &Arc<Shared>, arrival: Arrival, hello: NodeHello, client: Client) -> Self {
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            arrival,
            hello: Arc::new(hello),
            since: shared.ambient.now(),
            client,
            traffic: Traffic::default(),
            ended: CancellationToken::new(),
            why: Mutex::default(),
            heartbeat: Mutex::default(),
            reports: Mutex::default(),
        }))
    }

    /// Which node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.arrival.node
    }

    /// What it said of itself.
    #[must_use]
    pub fn hello(&self) -> &NodeHello {
        &self.0.hello
    }

    /// The fingerprint of the key that it has proven.
    #[must_use]
    pub fn key(&self) -> Fingerprint {
        self.0.arrival.key
    }

    /// From where it dialled.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.arrival.address
    }

    /// Whether its certificate is by the CA that signs now.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.0.arrival.has_moved
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
        let passing = Passing::over(self);
        let link = passing.link();
        let request = link.signed(&envelope, deadline)?;
        let mut client = link.client();
        let reply = link.within(deadline, true, client.r#do(request)).await?;
        wire::answer(&reply.into_inner().outcome_json)
    }

    /// The content with the Host's signature, which proves it to this node for so long and a little more.
    pub(super) fn signed<T: Content>(
        &self,
        content: &T,
        deadline: Duration,
    ) -> Result<wire::Signed, LinkError> {
        let json = wire::json(content).map_err(|status| unsendable(&status))?;
        let shared = &self.0.shared;
        let holds_until = shared.ambient.now() + deadline + SIGNATURE_HOLDS;
        let signed =
            statement::signed::<T, _>(self.node(), holds_until, json, |bytes| shared.signer.sign(bytes));
        signed.map_err(|error| LinkError::Unsigned {
            why: error.to_string(),
        })
    }

    /// Opens a stream that stays open. What its opening needs is boxed, so that it is gone once the stream is
    /// open: whoever reads it would otherwise keep room for some kilobytes of it to the end of the link.
    pub(super) fn opened<T>(
        &self,
        opening: impl Future<Output = Result<Response<Streaming<T>>, Status>>,
    ) -> impl Future<Output = Result<Streaming<T>, LinkError>> {
        let patience = self.0.shared.settings.call_patience;
        let opened = Box::pin(self.within(patience, false, opening));
        async { Ok(opened.await?.into_inner()) }
    }

    /// Waits for an answer until the deadline or the end of the link, whichever is first.
    pub(super) async fn within<T>(
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

    pub(super) fn lost(&self, may_still_happen: bool) -> LinkError {
        LinkError::Lost {
            why: self
                .why()
                .map_or_else(|| "it ended".to_owned(), |why| why.to_string()),
            may_still_happen,
        }
    }

    /// What a status means: a refusal of our node, nothing sent, or a link that is breaking.
    pub(super) fn failed(&self, status: &Status, may_still_happen: bool) -> LinkError {
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
    pub(super) fn end(&self, why: &ConnectFault) {
        self.0
            .why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| why.clone());
        self.0.ended.cancel();
    }

    /// Tells the node why, waits at most `patience` until it has heard, and ends the link.
    pub(super) async fn dismiss(&self, why: &ConnectFault, patience: Duration) {
        let verdict = wire::Verdict {
            refusal: Some(why.into()),
        };
        let mut client = self.client();
        // A node that cannot be told any more learns of the end from the closed connection.
        drop(self.within(patience, false, client.settle(verdict)).await);
        self.end(why);
    }

    /// Whether the agent at the other end still answers.
    pub(super) async fn is_alive(&self) -> bool {
        let shared = &self.0.shared;
        let mut client = self.client();
        let asked = client.hello(shared.hello());
        self.within(shared.settings.probe_patience, false, asked)
            .await
            .is_ok()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.0.hello.epoch
    }

    pub(super) fn passage(&self) -> Passage {
        Passage::from(&*self.0.hello)
    }

    pub(super) fn agent(&self) -> Uuid {
        self.0.hello.agent
    }

    pub(super) fn arrival(&self) -> &Arrival {
        &self.0.arrival
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    pub(super) fn hello_shared(&self) -> Arc<NodeHello> {
        Arc::clone(&self.0.hello)
    }

    pub(super) fn client(&self) -> Client {
        self.0.client.clone()
    }

    pub(super) async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    pub(super) fn why(&self) -> Option<ConnectFault> {
        self.0.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_heartbeat(&self, heartbeat: &Arc<Heartbeat>, at: OffsetDateTime) {
        *self.0.heartbeat.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(heartbeat), at));
    }

    /// Keeps a report, unless the link has told of more servers than a node keeps.
    pub(super) fn note_report(&self, report: &Arc<ServerReport>) -> Result<(), LinkError> {
        let mut reports = self.0.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() >= MOST_SERVERS && !reports.contains_key(&report.id) {
            return Err(too_many_servers());
        }
        reports.insert(report.id, Arc::clone(report));
        Ok(())
    }

    /// Keeps these and no others.
    pub(super) fn note_all(&self, all: Vec<ServerReport>) -> Result<(), LinkError> {
        if all.len() > MOST_SERVERS {
            return Err(too_many_servers());
        }
        let all = all
            .into_iter()
            .map(|report| (report.id, Arc::new(report)))
            .collect();
        *self.0.reports.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(())
    }
}

/// A node that has made and removed so many servers over one link tells of those that are left over the next.
fn too_many_servers() -> LinkError {
    LinkError::Garbled {
        why: format!("it told of more than {MOST_SERVERS} servers"),
    }
}

/// What cannot be written down is refused before anything is sent.
fn unsendable(status: &Status) -> LinkError {
    LinkError::Refused {
        code: "bad_request".to_owned(),
        why: status.message().to_owned(),
    }
}
