//! A round trip to a node, and how it is.

use serde::Serialize;
use utoipa::ToSchema;
use watchroom_model::Heartbeat;
use watchroom_policy::{Permit, act};

use crate::Fleet;
use crate::gateway::asker;
use crate::servers::{OrderError, Outcome};

/// What a node answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pong {
    /// `done`.
    pub outcome: Outcome,
    /// How long the way there and back took, in milliseconds.
    pub round_trip_ms: f64,
    /// The node as it is, by its own word.
    pub status: Heartbeat,
}

impl Fleet {
    /// Asks the node that the permit was given for.
    ///
    /// # Errors
    /// [`OrderError`] naming the outcome: offline since when, kept out, timed out.
    pub async fn ping_node(&self, permit: &Permit<act::PingNode>) -> Result<Pong, OrderError> {
        let node = permit.resource().on_node().and_then(|id| self.known_node(id));
        let node = node.ok_or(OrderError::NoSuchNode)?;
        OrderError::unless_admitted(&node)?;
        let answer = self.gateway().ping(node.id(), asker(permit)).await;
        let (took, status) = answer.map_err(|error| OrderError::from_gateway(node.name(), error))?;
        Ok(Pong {
            outcome: Outcome::Done,
            round_trip_ms: took.as_secs_f64() * 1_000.0,
            status,
        })
    }
}
