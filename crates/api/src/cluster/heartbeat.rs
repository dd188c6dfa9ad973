//! `POST /api/cluster/heartbeat`: for simple clients, what nodes otherwise say over their link.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use data_encoding::BASE64;
use http::StatusCode;
use watchroom_fleet::nodes::NodeCredential;
use watchroom_model::Heartbeat;
use watchroom_policy::act;
use watchroom_shield::ShownCertificates;
use watchroom_web::{Body, Caller, Problem};

use crate::Api;

/// What proves the node. By its certificate: the one that it has shown at the door for nodes, which the name
/// `host.<cluster id>.watchroom.internal` in the TLS hello opens. Elsewhere
/// `X-Node-Credential: <cluster token> <public key> <signature>`: the key as SubjectPublicKeyInfo, the signature by it over the
/// words `watchroom heartbeat 1`, a line feed and the body, both in base64 of their DER form.
#[derive(Debug)]
pub(super) enum Shown {
    Certificates(ShownCertificates),
    Credential(NodeCredential),
}

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if let Some(shown) = parts.extensions.get::<ShownCertificates>() {
            return Ok(Self::Certificates(shown.clone()));
        }
        let header = parts.headers.get("x-node-credential");
        let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let token = words.next().unwrap_or_default().into();
        // What does not parse proves nothing, and is answered like a wrong one.
        let mut bytes = || BASE64.decode(words.next()?.as_bytes()).ok();
        Ok(Self::Credential(NodeCredential {
            token,
            key: bytes().unwrap_or_default(),
            signature: bytes().unwrap_or_default(),
        }))
    }
}

pub(super) async fn heartbeat(
    caller: Caller,
    State(api): State<Api>,
    shown: Shown,
    body: Body<Heartbeat>,
) -> Result<StatusCode, Problem> {
    let node = match shown {
        Shown::Certificates(shown) => {
            let shown: Vec<&[u8]> = shown.0.iter().map(AsRef::as_ref).collect();
            api.fleet.node_by_certificate(&shown)?
        }
        Shown::Credential(credential) => api.fleet.node_by_credential(&credential, &body.bytes)?,
    };
    caller.permit(act::SendHeartbeat, &*node)?;
    api.fleet.heard_once(&node, body.value)?;
    Ok(StatusCode::NO_CONTENT)
}
