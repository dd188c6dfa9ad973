//! Between the product's nouns and the messages of the protocol (`proto/link.proto`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tonic::{Code, Status};
use uuid::Uuid;
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_trust::{CertificateDer, Fingerprint, Issued};

use crate::bounds::{LONGEST_WORD, MOST_ANCHORS, MOST_CAPABILITIES, Said};
use crate::{ConnectFault, FreshPapers, LinkError, NodeHello};

pub(crate) use generated::*;

mod generated {
    #![expect(
        unused_qualifications,
        unreachable_pub,
        clippy::allow_attributes_without_reason,
        reason = "written by a generator, not by us"
    )]
    include!(concat!(env!("OUT_DIR"), "/watchroom.link.v1.rs"));
}

/// The header by which a refusal that our own node wrote is told from one that the transport made up.
const REFUSAL: &str = "watchroom-refusal";

/// A noun as bytes.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Status> {
    serde_json::to_vec(value).map_err(|error| Status::internal(error.to_string()))
}

/// Bytes as a noun, on the node: what does not parse is a bad request.
pub(crate) fn noun<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Status> {
    serde_json::from_slice(bytes)
        .map_err(|error| refusal(Code::InvalidArgument, "bad_request", &error.to_string()))
}

/// Bytes as a noun within its bounds, on the Host: what does not parse was garbled.
pub(crate) fn answer<T: DeserializeOwned + Said>(bytes: &[u8]) -> Result<T, LinkError> {
    let mut said: T = serde_json::from_slice(bytes).map_err(|error| LinkError::Garbled {
        why: error.to_string(),
    })?;
    said.cut();
    Ok(said)
}

/// A refusal of the node, under a stable word.
pub(crate) fn refusal(code: Code, word: &'static str, why: &str) -> Status {
    let mut status = Status::new(code, why);
    status
        .metadata_mut()
        .insert(REFUSAL, tonic::metadata::MetadataValue::from_static(word));
    status
}

/// The refusal inside a status, if our node wrote it.
pub(crate) fn refused(status: &Status) -> Option<LinkError> {
    let code = status.metadata().get(REFUSAL)?.to_str().ok()?.to_owned();
    Some(LinkError::Refused {
        code,
        why: status.message().to_owned(),
    })
}

/// A time as it travels.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// A time as it arrived; one that no clock can show becomes the epoch, and so a named skew.
pub(crate) fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

impl From<&NodeHello> for Introduction {
    fn from(hello: &NodeHello) -> Self {
        Self {
            version: hello.version.clone(),
            name: hello.name.to_string(),
            epoch: hello.epoch,
            capabilities: hello.capabilities.clone(),
            clock_us: micros(hello.clock),
            agent: hello.agent.as_bytes().to_vec(),
            beside: hello.beside.unwrap_or(0),
            anchors: hello.anchors.iter().map(|ca| ca.as_bytes().to_vec()).collect(),
        }
    }
}

impl TryFrom<Introduction> for NodeHello {
    type Error = ConnectFault;

    fn try_from(hello: Introduction) -> Result<Self, ConnectFault> {
        let wrong = |what: String| ConnectFault::Lost {
            why: format!("its hello is not understood: {what}"),
        };
        let is_long = |word: &String| word.len() > LONGEST_WORD;
        if is_long(&hello.version)
            || hello.capabilities.len() > MOST_CAPABILITIES
            || hello.capabilities.iter().any(is_long)
            || hello.anchors.len() > MOST_ANCHORS
        {
            return Err(wrong("it says more than a node has to say".to_owned()));
        }
        let name = hello
            .name
            .parse()
            .map_err(|error| wrong(format!("a wrong name: {error}")))?;
        let agent = Uuid::from_slice(&hello.agent).map_err(|error| wrong(format!("its agent: {error}")))?;
        let anchors = hello
            .anchors
            .into_iter()
            .filter_map(|hash| hash.try_into().ok().map(Fingerprint::from_hash));
        Ok(Self {
            version: hello.version,
            name,
            epoch: hello.epoch,
            agent,
            beside: (hello.beside > 0).then_some(hello.beside),
            anchors: anchors.collect(),
            capabilities: hello.capabilities,
            clock: from_micros(hello.clock_us),
        })
    }
}

impl From<FreshPapers> for Papers {
    fn from(fresh: FreshPapers) -> Self {
        let der = |chain: &[CertificateDer<'_>]| chain.iter().map(|one| one.to_vec()).collect();
        let (token, token_expires_us) = match &fresh.token {
            Some((token, expires_at)) => (token.expose_secret().to_owned(), micros(*expires_at)),
            None => (String::new(), 0),
        };
        Self {
            anchors: der(&fresh.anchors),
            chain: fresh.leaf.as_ref().map_or_else(Vec::new, |leaf| der(&leaf.chain)),
            not_after_us: fresh.leaf.as_ref().map_or(0, |leaf| micros(leaf.not_after)),
            token,
            token_expires_us,
        }
    }
}

impl From<Papers> for FreshPapers {
    fn from(papers: Papers) -> Self {
        let der = |chain: Vec<Vec<u8>>| chain.into_iter().map(CertificateDer::from).collect::<Vec<_>>();
        let not_after = from_micros(papers.not_after_us);
        Self {
            anchors: der(papers.anchors),
            leaf: (!papers.chain.is_empty()).then(|| Issued {
                chain: der(papers.chain),
                not_after,
            }),
            token: (!papers.token.is_empty()).then(|| {
                let expires_at = from_micros(papers.token_expires_us);
                (SecretString::from(papers.token), expires_at)
            }),
        }
    }
}

impl From<&ConnectFault> for Refusal {
    fn from(fault: &ConnectFault) -> Self {
        use watchroom_kit::Fault;
        // Without its exact form the sentence alone still tells a person everything.
        let fault_json = serde_json::to_vec(fault).unwrap_or_default();
        Self {
            slug: fault.slug().to_owned(),
            why: fault.to_string(),
            fault_json,
        }
    }
}

impl From<Refusal> for ConnectFault {
    fn from(refusal: Refusal) -> Self {
        serde_json::from_slice(&refusal.fault_json).unwrap_or(Self::Other {
            name: refusal.slug,
            why: refusal.why,
        })
    }
}
