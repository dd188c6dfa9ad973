//! What the Host signs with each order, each inquiry and its news, and how the node reads it again: the same bytes on both
//! ends.

use time::OffsetDateTime;
use watchroom_model::{BanNews, Envelope, Inquiry, NodeId};
use watchroom_trust::{CertificateDer, LinkClient, TOLERATED_SKEW_S, UnprovenError};

use crate::wire;

/// Why what was asked is not believed.
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

/// What can be signed. Each kind has a mark that no other content begins with, so that a signature under one is
/// never one under another.
pub(crate) trait Content: serde::Serialize + serde::de::DeserializeOwned {
    /// Stands before the content where it is signed.
    const MARK: &'static [u8];
}

impl Content for Envelope {
    const MARK: &'static [u8] = b"";
}

impl Content for Inquiry {
    const MARK: &'static [u8] = b"inquiry\n";
}

impl Content for BanNews {
    const MARK: &'static [u8] = b"bans\n";
}

/// Node, expiry, mark and content as one text. The first two are of fixed length, and JSON begins with no mark, so
/// no two statements share it.
fn statement<T: Content>(node: NodeId, expires_us: i64, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24 + T::MARK.len() + content.len());
    bytes.extend_from_slice(node.as_uuid().as_bytes());
    bytes.extend_from_slice(&expires_us.to_be_bytes());
    bytes.extend_from_slice(T::MARK);
    bytes.extend_from_slice(content);
    bytes
}

/// The content as JSON, signed by `sign`.
pub(crate) fn signed<T: Content, E>(
    node: NodeId,
    expires_at: OffsetDateTime,
    content_json: Vec<u8>,
    sign: impl FnOnce(&[u8]) -> Result<watchroom_trust::Signed, E>,
) -> Result<wire::Signed, E> {
    let expires_us = wire::micros(expires_at);
    let signed = sign(&statement::<T>(node, expires_us, &content_json))?;
    Ok(wire::Signed {
        content_json,
        expires_us,
        leaves: signed.leaves.iter().map(|leaf| leaf.to_vec()).collect(),
        signature: signed.signature,
    })
}

/// Whether the Host of this node has asked for this very content, of this node, a moment ago.
pub(crate) fn believe<T: Content>(
    node: NodeId,
    asked: &wire::Signed,
    client: &LinkClient,
    now: OffsetDateTime,
) -> Result<(), Unbelieved> {
    let signed = watchroom_trust::Signed {
        leaves: asked.leaves.iter().cloned().map(CertificateDer::from).collect(),
        signature: asked.signature.clone(),
    };
    client.prove(
        &statement::<T>(node, asked.expires_us, &asked.content_json),
        &signed,
    )?;
    let seconds = (now - wire::from_micros(asked.expires_us)).whole_seconds();
    if seconds > TOLERATED_SKEW_S {
        return Err(Unbelieved::Over { seconds });
    }
    Ok(())
}
