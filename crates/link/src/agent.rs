//! What a node does for its Host: a plain trait, so that the node never sees generated code.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_model::{
    BanNews, Envelope, Heartbeat, Inquiry, Jail, OrderOutcome, Sample, ServerId, ServerReport,
};

/// Why a node cannot give what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// It keeps no such server.
    #[error("this node keeps no server {0}")]
    NoSuchServer(ServerId),
    /// Its own rules do not allow it to be shown.
    #[error("{0}")]
    NotAllowed(String),
    /// Something broke on the node.
    #[error("the node failed: {0}")]
    Failed(String),
}

/// What a node does for its Host. The link calls it; the node's supervisor implements it.
#[async_trait]
pub trait Agent: Send + Sync + 'static {
    /// Does an order, or gives the answer it gave before for the same key.
    async fn order(&self, envelope: Envelope) -> OrderOutcome;

    /// An order came whose signature does not prove that the Host gave it. It is not done, only written down.
    async fn disbelieved(&self, envelope: Envelope, why: String);

    /// The same of what somebody wanted to look at. It is not shown.
    async fn disbelieved_look(&self, inquiry: Inquiry, why: String);

    /// Takes in what the Host says of its bans; gives the newest version of that Host that it has.
    async fn bans(&self, news: BanNews) -> Result<u64, AgentError>;

    /// News of bans came whose signature does not prove that the Host tells them. Nothing is made of them.
    async fn disbelieved_bans(&self, why: String);

    /// The node as it is now.
    fn heartbeat(&self) -> Heartbeat;

    /// What was measured after `since`, oldest first: at most the last hour.
    fn metrics(&self, since: OffsetDateTime) -> Vec<Sample>;

    /// Who is in the jail of the machine's fail2ban.
    async fn jail(&self) -> Result<Jail, AgentError>;

    /// Every server's report now, and each later change. The receiver is taken before the snapshot, so nothing
    /// falls between; a lagging receiver asks again.
    fn reports(&self) -> (Vec<ServerReport>, broadcast::Receiver<ServerReport>);

    /// A server's console from somewhere on, without end while `follow`.
    async fn console(
        &self,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<BoxStream<'static, ConsoleEvent>, AgentError>;
}
