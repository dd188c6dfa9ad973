//! The node's answers: generated calls on one side, the plain [`Agent`](crate::Agent) on the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;
use watchroom_model::{BanNews, Envelope, Inquiry, Look, ServerReport};

use super::Office;
use super::hosts::Claim;
use super::pieces::pieces;
use crate::statement::{self, Content};
use crate::wire::{self, refusal};
use crate::{Agent, AgentError, ConnectFault, FreshPapers, NodeHello};

/// The bounds within which a Host may set the pace of heartbeats, in milliseconds.
const HEARTBEAT_PACE_MS: std::ops::RangeInclusive<u64> = 20..=60_000;

/// What the Host has decided of this connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settlement {
    /// Nothing yet.
    Open,
    /// The node is admitted.
    Admitted,
    /// It is not, or no longer.
    Refused(ConnectFault),
}

/// One connection's service.
#[derive(Clone)]
pub(super) struct NodeService {
    office: Arc<Office>,
    address: String,
    hello: NodeHello,
    settlement: Arc<watch::Sender<Settlement>>,
    /// The Host at the other end, once it has said hello.
    claim: Arc<Mutex<Option<Claim>>>,
}

impl NodeService {
    pub(super) fn new(office: &Arc<Office>, address: &str, hello: NodeHello) -> Self {
        Self {
            office: Arc::clone(office),
            address: address.to_owned(),
            hello,
            settlement: Arc::new(watch::Sender::new(Settlement::Open)),
            claim: Arc::default(),
        }
    }

    /// Makes sure that this is the only address by which its Host is linked.
    fn claim(&self, host: &[u8]) -> Result<(), Status> {
        let mut claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if claim.is_some() {
            return Ok(());
        }
        let host = Uuid::from_slice(host).map_err(|_| {
            refusal(
                Code::InvalidArgument,
                "bad_request",
                "the Host does not say who it is",
            )
        })?;
        match self.office.hosts.claim(host, &self.address) {
            Ok(claimed) => *claim = Some(claimed),
            Err(other) => {
                let why = ConnectFault::SameHost { other };
                let told = refusal(Code::AlreadyExists, "same_host", &why.to_string());
                self.settlement.send_replace(Settlement::Refused(why));
                return Err(told);
            }
        }
        Ok(())
    }

    fn agent(&self) -> &Arc<dyn Agent> {
        self.office.orders.agent()
    }

    /// What the Host decides of this connection.
    pub(super) fn settlement(&self) -> watch::Receiver<Settlement> {
        self.settlement.subscribe()
    }

    /// What is asked for under a signature, and whether that proves it; if not, why.
    fn read<T: Content>(&self, asked: &wire::Signed) -> Result<(T, Result<(), String>), Status> {
        self.admitted()?;
        let content = wire::noun(&asked.content_json)?;
        let (settings, now) = (&self.office.settings, self.office.ambient.now());
        let believed = statement::believe::<T>(settings.node, asked, &settings.papers.client(), now);
        Ok((content, believed.map_err(|error| error.to_string())))
    }

    /// What the Host has proven that somebody may look at.
    async fn look(&self, asked: Request<wire::Signed>) -> Result<Look, Status> {
        let (inquiry, believed) = self.read::<Inquiry>(&asked.into_inner())?;
        if let Err(why) = believed {
            tracing::error!(
                inquiry.by = inquiry.asker.by,
                "an inquiry was not believed: {why}"
            );
            self.agent().disbelieved_look(inquiry, why.clone()).await;
            return Err(refusal(Code::Unauthenticated, "not_proven", &why));
        }
        Ok(inquiry.look)
    }

    /// Nothing is done for a Host that has not admitted the node: both ends then agree who speaks.
    fn admitted(&self) -> Result<(), Status> {
        if *self.settlement.borrow() == Settlement::Admitted {
            return Ok(());
        }
        Err(refusal(
            Code::FailedPrecondition,
            "not_settled",
            "the Host must admit the node before it calls",
        ))
    }
}

/// The signature is good, and one for another call.
fn another_look() -> Status {
    refusal(
        Code::InvalidArgument,
        "bad_request",
        "what was signed is not what was called for",
    )
}

/// Why the agent does not give what was asked.
fn failed(error: &AgentError) -> Status {
    let (code, word) = match error {
        AgentError::NoSuchServer(_) => (Code::NotFound, "no_such_server"),
        AgentError::NotAllowed(_) => (Code::PermissionDenied, "not_allowed_here"),
        AgentError::Failed(_) => (Code::Internal, "failed"),
    };
    refusal(code, word, &error.to_string())
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[async_trait]
impl wire::node_server::Node for NodeService {
    type HeartbeatsStream = Answers<wire::HeartbeatMessage>;
    type ReportsStream = Answers<wire::ReportsMessage>;
    type ConsoleStream = Answers<wire::ConsoleMessage>;
    type WishesStream = Answers<wire::Wish>;

    async fn hello(&self, host: Request<wire::HostHello>) -> Result<Response<wire::Introduction>, Status> {
        self.claim(&host.into_inner().host)?;
        let hello = NodeHello {
            clock: self.office.ambient.now(),
            ..self.hello.clone()
        };
        Ok(Response::new(wire::Introduction::from(&hello)))
    }

    async fn settle(&self, verdict: Request<wire::Verdict>) -> Result<Response<wire::Settled>, Status> {
        let settlement = match verdict.into_inner().refusal {
            None => Settlement::Admitted,
            Some(refusal) => Settlement::Refused(refusal.into()),
        };
        self.settlement.send_replace(settlement);
        Ok(Response::new(wire::Settled {}))
    }

    async fn wishes(
        &self,
        request: Request<wire::WishesRequest>,
    ) -> Result<Response<Self::WishesStream>, Status> {
        let state = (self.office.renewal.clone(), request.into_inner().at_once, None);
        let wishes = stream::unfold(state, async |(renewal, at_once, before)| {
            let (request, told) = renewal.wish(at_once).await;
            // Held until the next one, or the end of the link.
            drop(before);
            Some((Ok(wire::Wish { request }), (renewal, false, Some(told))))
        });
        Ok(Response::new(wishes.boxed()))
    }

    async fn keep(&self, papers: Request<wire::Papers>) -> Result<Response<wire::Kept>, Status> {
        let fresh = FreshPapers::from(papers.into_inner());
        let kept = self.office.renewal.keep(fresh).await;
        kept.map_err(|why| {
            tracing::error!("new papers could not be kept: {why}");
            refusal(Code::Internal, "failed", &why)
        })?;
        Ok(Response::new(wire::Kept {}))
    }

    async fn r#do(&self, order: Request<wire::Signed>) -> Result<Response<wire::OrderReply>, Status> {
        let (envelope, believed) = self.read::<Envelope>(&order.into_inner())?;
        if let Err(why) = believed {
            tracing::error!(order.key = envelope.key, "an order was not believed: {why}");
            self.agent().disbelieved(envelope, why.clone()).await;
            return Err(refusal(Code::Unauthenticated, "not_proven", &why));
        }
        let outcome = self.office.orders.settle(envelope).await;
        let outcome = outcome.ok_or_else(|| Status::unavailable("the node is stopping"))?;
        Ok(Response::new(wire::OrderReply {
            outcome_json: wire::json(&outcome)?,
        }))
    }

    async fn heartbeats(
        &self,
        request: Request<wire::HeartbeatsRequest>,
    ) -> Result<Response<Self::HeartbeatsStream>, Status> {
        self.admitted()?;
        let pace = request
            .into_inner()
            .every_ms
            .clamp(*HEARTBEAT_PACE_MS.start(), *HEARTBEAT_PACE_MS.end());
        let mut interval = tokio::time::interval(Duration::from_millis(pace));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let agent = Arc::clone(self.agent());
        let beats = stream::unfold((interval, agent), async |(mut interval, agent)| {
            interval.tick().await;
            let beat = wire::json(&agent.heartbeat())
                .map(|heartbeat_json| wire::HeartbeatMessage { heartbeat_json });
            Some((beat, (interval, agent)))
        });
        Ok(Response::new(beats.boxed()))
    }

    async fn reports(
        &self,
        _: Request<wire::ReportsRequest>,
    ) -> Result<Response<Self::ReportsStream>, Status> {
        self.admitted()?;
        let agent = Arc::clone(self.agent());
        let reports = stream::unfold((agent, None), async |(agent, changes)| {
            let (message, changes) = next_reports(&agent, changes).await?;
            Some((message, (agent, Some(changes))))
        });
        Ok(Response::new(reports.boxed()))
    }

    async fn ping(&self, request: Request<wire::Signed>) -> Result<Response<wire::HeartbeatMessage>, Status> {
        let Look::Status = self.look(request).await? else {
            return Err(another_look());
        };
        Ok(Response::new(wire::HeartbeatMessage {
            heartbeat_json: wire::json(&self.agent().heartbeat())?,
        }))
    }

    async fn metrics(&self, request: Request<wire::Signed>) -> Result<Response<wire::MetricsReply>, Status> {
        let Look::Metrics { since } = self.look(request).await? else {
            return Err(another_look());
        };
        Ok(Response::new(wire::MetricsReply {
            samples_json: wire::json(&self.agent().metrics(since))?,
        }))
    }

    async fn jail(&self, request: Request<wire::Signed>) -> Result<Response<wire::JailReply>, Status> {
        let Look::Jail = self.look(request).await? else {
            return Err(another_look());
        };
        let jail = self.agent().jail().await.map_err(|error| failed(&error))?;
        Ok(Response::new(wire::JailReply {
            jail_json: wire::json(&jail)?,
        }))
    }

    async fn bar(&self, request: Request<wire::Signed>) -> Result<Response<wire::Heard>, Status> {
        let (news, believed) = self.read::<BanNews>(&request.into_inner())?;
        if let Err(why) = believed {
            tracing::error!("news of bans were not believed: {why}");
            self.agent().disbelieved_bans(why.clone()).await;
            return Err(refusal(Code::Unauthenticated, "not_proven", &why));
        }
        let version = self.agent().bans(news).await.map_err(|error| failed(&error))?;
        Ok(Response::new(wire::Heard { version }))
    }

    async fn console(&self, request: Request<wire::Signed>) -> Result<Response<Self::ConsoleStream>, Status> {
        let Look::Console { server, from, follow } = self.look(request).await? else {
            return Err(another_look());
        };
        let events = self
            .agent()
            .console(server, from, follow)
            .await
            .map_err(|error| failed(&error))?;
        let messages = events.flat_map(|event| stream::iter(pieces(event))).map(|event| {
            Ok(wire::ConsoleMessage {
                event_json: wire::json(&event)?,
            })
        });
        Ok(Response::new(messages.boxed()))
    }
}

type Changes = broadcast::Receiver<ServerReport>;

/// The next message of the reports: a snapshot at first and whenever changes were lost, else one change.
async fn next_reports(
    agent: &Arc<dyn Agent>,
    changes: Option<Changes>,
) -> Option<(Result<wire::ReportsMessage, Status>, Changes)> {
    if let Some(mut changes) = changes {
        match changes.recv().await {
            Ok(report) => return Some((message(false, &[report]), changes)),
            Err(RecvError::Closed) => return None,
            Err(RecvError::Lagged(_)) => {}
        }
    }
    let (all, changes) = agent.reports();
    Some((message(true, &all), changes))
}

fn message(is_snapshot: bool, reports: &[ServerReport]) -> Result<wire::ReportsMessage, Status> {
    Ok(wire::ReportsMessage {
        is_snapshot,
        reports_json: wire::json(&reports)?,
    })
}
