//! What the Host signs with each order, and how the node reads it again: the same bytes on both ends.

use time::OffsetDateTime;
use watchroom_model::NodeId;
use watchroom_trust::{CertificateDer, LinkClient, Signed, TOLERATED_SKEW_S, UnprovenError};

use crate::wire::{self, OrderRequest};

/// Why an order is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbelieved {
    /// The signature proves nothing.
    #[error(transparent)]
    Unproven(#[from] UnprovenError),
    /// It proved something once.
    #[error("the signature ended {seconds} s ago")]
    Over {
        /// How long ago.
        seconds: i64,
    },
}

/// Node, expiry and envelope as one text. The first two are of fixed length, so no two orders share it.
fn statement(node: NodeId, expires_us: i64, envelope: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24 + envelope.len());
    bytes.extend_from_slice(node.as_uuid().as_bytes());
    bytes.extend_from_slice(&expires_us.to_be_bytes());
    bytes.extend_from_slice(envelope);
    bytes
}

/// The request for an order, signed by `sign`.
pub(crate) fn signed<E>(
    node: NodeId,
    expires_at: OffsetDateTime,
    envelope_json: Vec<u8>,
    sign: impl FnOnce(&[u8]) -> Result<Signed, E>,
) -> Result<OrderRequest, E> {
    let expires_us = wire::micros(expires_at);
    let signed = sign(&statement(node, expires_us, &envelope_json))?;
    Ok(OrderRequest {
        envelope_json,
        expires_us,
        leaves: signed.leaves.iter().map(|leaf| leaf.to_vec()).collect(),
        signature: signed.signature,
    })
}

/// Whether the Host of this node has given this very order, to this node, a moment ago.
pub(crate) fn believe(
    node: NodeId,
    order: &OrderRequest,
    client: &LinkClient,
    now: OffsetDateTime,
) -> Result<(), Unbelieved> {
    let signed = Signed {
        leaves: order.leaves.iter().cloned().map(CertificateDer::from).collect(),
        signature: order.signature.clone(),
    };
    client.prove(&statement(node, order.expires_us, &order.envelope_json), &signed)?;
    let seconds = (now - wire::from_micros(order.expires_us)).whole_seconds();
    if seconds > TOLERATED_SKEW_S {
        return Err(Unbelieved::Over { seconds });
    }
    Ok(())
}
