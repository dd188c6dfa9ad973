//! fleet reaches nodes through link.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use watchroom_fleet::{Gateway, GatewayError};
use watchroom_kit::Ambient;
use watchroom_link::{Hub, LinkError};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_model::{Asker, Envelope, Heartbeat, Jail, NodeId, OrderOutcome, Sample, ServerId};

/// Orders and consoles over the links of a [`Hub`].
#[derive(Clone, Debug)]
pub(crate) struct LinkGateway {
    pub(crate) hub: Hub,
    pub(crate) ambient: Ambient,
}

#[async_trait]
impl Gateway for LinkGateway {
    async fn order(&self, node: NodeId, envelope: Envelope) -> Result<OrderOutcome, GatewayError> {
        let link = self.hub.connected(node).map_err(gateway_error)?;
        link.order(envelope).await.map_err(gateway_error)
    }

    async fn ping(&self, node: NodeId, asker: Asker) -> Result<(Duration, Heartbeat), GatewayError> {
        let link = self.hub.connected(node).map_err(gateway_error)?;
        link.ping(asker, &self.ambient.clock).await.map_err(gateway_error)
    }

    async fn metrics(
        &self,
        node: NodeId,
        asker: Asker,
        since: OffsetDateTime,
    ) -> Result<Vec<Sample>, GatewayError> {
        let link = self.hub.connected(node).map_err(gateway_error)?;
        link.metrics(asker, since).await.map_err(gateway_error)
    }

    async fn jail(&self, node: NodeId, asker: Asker) -> Result<Jail, GatewayError> {
        let link = self.hub.connected(node).map_err(gateway_error)?;
        let jail = link.jail(asker).await;
        jail.map_err(|error| match error {
            LinkError::Refused { code, why } => GatewayError::Refused { code, why },
            error => gateway_error(error),
        })
    }

    async fn console(
        &self,
        node: NodeId,
        asker: Asker,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<ConsoleEvent, GatewayError>>, GatewayError> {
        let link = self.hub.connected(node).map_err(gateway_error)?;
        let console = link.console(asker, server, from, follow).await;
        let console = console.map_err(gateway_error)?;
        Ok(console.map(|event| event.map_err(gateway_error)).boxed())
    }
}

fn gateway_error(error: LinkError) -> GatewayError {
    match error {
        LinkError::NotConnected { since } => {
            let why = "it has no link to this Host".to_owned();
            GatewayError::NotConnected { since, why }
        }
        LinkError::TimedOut { may_still_happen, .. } => GatewayError::TimedOut { may_still_happen },
        LinkError::Lost { why, .. }
        | LinkError::Refused { why, .. }
        | LinkError::Unsigned { why }
        | LinkError::Garbled { why } => GatewayError::Failed(why),
    }
}
