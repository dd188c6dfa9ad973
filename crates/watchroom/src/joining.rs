//! A machine joins a cluster: it asks, shows its words, waits for a person, and keeps its papers.
//!
//! Everything that must outlive an interruption is in `<state>/node/join.json`, so that the same command
//! goes on with the same request, and the same words. The file goes when the papers are kept.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use watchroom_kit::{Ambient, ExposeSecret, Fault, FaultKind, SecretString, files};
use watchroom_link::{JoinCallError, JoinHost, LinkSettings};
use watchroom_model::join::{Bytes64, JoinAnswer, JoinAsk, JoinPapers, JoinStatus, hand_over_proof};
use watchroom_model::{JoinRequestId, NodeName};
use watchroom_trust::{CertificateDer, ClusterId, Fingerprint, Issued, NodeKey, SixWords};

use crate::failure::Failure;
use crate::node_identity::{ClusterToken, NodeIdentity};
use crate::role_file;

/// How often a waiting machine asks whether it was let in.
const POLLED_EVERY: Duration = Duration::from_secs(2);
/// The longest pause while the Host cannot be reached or asks for patience.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// By what right, where and as whom a machine joins.
#[derive(Debug)]
pub struct Invitation {
    /// The Host (`host:port`).
    pub address: String,
    /// The SHA-256 of its CA, from the join URL or confirmed by a person.
    pub pin: Fingerprint,
    /// The join token, if there is one.
    pub token: Option<SecretString>,
    /// What the machine wants to be called.
    pub name: NodeName,
    /// Its own address, if it knows better than the Host.
    pub own_address: Option<String>,
}

/// What a person is told while it goes on.
#[derive(Debug)]
pub enum Progress {
    /// The request is with the Host, or still is; these are its words.
    Asked {
        /// The words that the Host shows too.
        words: SixWords,
        /// Until when it may be approved.
        expires_at: OffsetDateTime,
        /// Whether an earlier run asked.
        is_resumed: bool,
    },
    /// The Host cannot be reached; it is asked again after a pause.
    Trouble(String),
}

/// A request that waits, as it is kept.
#[derive(Serialize, Deserialize)]
struct Waiting {
    address: String,
    pin: Fingerprint,
    id: JoinRequestId,
    #[serde(serialize_with = "expose")]
    poll_secret: SecretString,
    host_nonce: Bytes64,
    node_nonce: Bytes64,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Joins, however long a person takes; `tell` hears how it goes.
///
/// # Errors
/// If the machine is not let in, or its papers cannot be kept. Each failure names the next step.
pub async fn join(
    state: &Path,
    invitation: Invitation,
    ambient: &Ambient,
    tell: &mut dyn FnMut(Progress),
) -> Result<NodeIdentity, Failure> {
    files::private_folder(&state.join("node")).map_err(Failure::trust)?;
    let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
    let (address, pin) = (invitation.address.clone(), invitation.pin);
    let host = JoinHost::new(address, Some(pin), LinkSettings::default(), ambient.clone());
    let host = host.map_err(Failure::trust)?;
    let known = Waiting::read(state)?.filter(|waiting| waiting.is_for(&invitation, ambient));
    let is_resumed = known.is_some();
    let waiting = match known {
        Some(waiting) => waiting,
        None => ask(state, &invitation, &host, &key, ambient).await?,
    };
    let words = SixWords::of(
        &pin,
        &key.public_key(),
        &waiting.host_nonce.0,
        &waiting.node_nonce.0,
    );
    tell(Progress::Asked {
        words,
        expires_at: waiting.expires_at,
        is_resumed,
    });
    let answer = wait(&waiting, &host, &key, ambient, tell).await;
    if answer.as_ref().is_ok_and(|answer| answer.papers.is_none()) {
        // It was decided, and not for us: the next run asks anew.
        Waiting::forget(state)?;
    }
    let JoinAnswer {
        status,
        reason,
        papers,
    } = answer?;
    let papers = papers.ok_or_else(|| turned_away(status, reason))?;
    let identity = identity(papers, &waiting)?;
    role_file::state_anew(state, &identity, ambient)?;
    identity.write(state)?;
    // Only now is it proven that what was kept fits the key.
    identity.link_client(state, ambient)?;
    Waiting::forget(state)?;
    Ok(identity)
}

/// The CA that the Host at this address shows, for a person to compare.
///
/// # Errors
/// If it cannot be reached or is none.
pub async fn meet(address: &str, ambient: &Ambient) -> Result<Fingerprint, Failure> {
    let host = JoinHost::new(address.to_owned(), None, LinkSettings::default(), ambient.clone());
    let ca = host.map_err(Failure::trust)?.meet().await?;
    Ok(Fingerprint::of(&ca))
}

async fn ask(
    state: &Path,
    invitation: &Invitation,
    host: &JoinHost,
    key: &NodeKey,
    ambient: &Ambient,
) -> Result<Waiting, Failure> {
    let node_nonce = Bytes64(ambient.entropy.bytes::<32>().to_vec());
    let ask = JoinAsk {
        token: invitation.token.clone(),
        name: invitation.name.clone(),
        address: invitation.own_address.clone(),
        port: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        certificate_request: Bytes64(key.request().map_err(Failure::trust)?),
        nonce: node_nonce.clone(),
    };
    let ticket = host.ask(&ask).await.map_err(refused)?;
    if Fingerprint::of(&ticket.ca.0) != invitation.pin {
        return Err(
            Failure::new(FaultKind::Conflict, "the Host has another CA than it showed")
                .next_step("make a new join URL on the Host and use that"),
        );
    }
    let waiting = Waiting {
        address: invitation.address.clone(),
        pin: invitation.pin,
        id: ticket.id,
        poll_secret: ticket.poll_secret,
        host_nonce: ticket.host_nonce,
        node_nonce,
        expires_at: ticket.expires_at,
    };
    waiting.write(state)?;
    Ok(waiting)
}

/// Polls until it is decided. Whatever breaks on the way is told and tried again.
async fn wait(
    waiting: &Waiting,
    host: &JoinHost,
    key: &NodeKey,
    ambient: &Ambient,
    tell: &mut dyn FnMut(Progress),
) -> Result<JoinAnswer, Failure> {
    let (mut pause, mut proof) = (POLLED_EVERY, None);
    loop {
        match host
            .check(waiting.id, &waiting.poll_secret, proof.as_deref())
            .await
        {
            Ok(answer) => match answer.status {
                JoinStatus::Pending => pause = POLLED_EVERY,
                // An earlier answer with the papers was lost on the way.
                JoinStatus::Approved if answer.papers.is_none() && proof.is_none() => {
                    proof = Some(prove(waiting, key, ambient)?);
                    continue;
                }
                _ => return Ok(answer),
            },
            Err(JoinCallError::Refused {
                status,
                retry_after_s,
                ..
            }) if status.as_u16() == 429 => {
                pause = Duration::from_secs(retry_after_s.unwrap_or(5)).clamp(POLLED_EVERY, LONGEST_PAUSE);
            }
            Err(JoinCallError::Connect(fault)) if fault.kind() != FaultKind::Forbidden => {
                tell(Progress::Trouble(fault.to_string()));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(JoinCallError::Refused { status, why, .. }) if status.is_server_error() => {
                tell(Progress::Trouble(why));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(refused(error)),
        }
        tokio::time::sleep(pause).await;
    }
}

fn prove(waiting: &Waiting, key: &NodeKey, ambient: &Ambient) -> Result<String, Failure> {
    let now = ambient.now();
    let signature = key
        .sign(&hand_over_proof(waiting.id, now))
        .map_err(Failure::trust)?;
    Ok(format!("{}.{}", now.unix_timestamp(), BASE64.encode(&signature)))
}

fn identity(papers: JoinPapers, waiting: &Waiting) -> Result<NodeIdentity, Failure> {
    let chain: Vec<_> = papers
        .chain
        .into_iter()
        .map(|one| CertificateDer::from(one.0))
        .collect();
    if chain.last().map(|ca| Fingerprint::of(ca)) != Some(waiting.pin) {
        return Err(Failure::new(
            FaultKind::Conflict,
            "the certificate is not by the CA of the join URL",
        )
        .next_step("make a new join URL on the Host, and revoke the node that was let in"));
    }
    // The address that worked comes first; others are those of replicas.
    let mut addresses = vec![waiting.address.clone()];
    addresses.extend(
        papers
            .addresses
            .into_iter()
            .filter(|address| *address != waiting.address),
    );
    let issued = Issued {
        chain,
        not_after: papers.not_after,
    };
    let cluster = ClusterId::from(papers.cluster);
    let mut identity = NodeIdentity::new(papers.node, papers.name, cluster, addresses, issued);
    identity.token = Some(ClusterToken {
        token: papers.token,
        expires_at: papers.token_expires_at,
    });
    Ok(identity)
}

fn turned_away(status: JoinStatus, reason: Option<String>) -> Failure {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let (kind, cause, step) = match status {
        JoinStatus::Rejected => (
            FaultKind::Forbidden,
            format!("the Host's administrator rejected this machine{reason}"),
            "settle it with them, then run the command again",
        ),
        JoinStatus::Denied => (
            FaultKind::Forbidden,
            format!("the Host denied the request{reason}"),
            "run the command again with another --name, or with a replace join URL",
        ),
        JoinStatus::Expired => (
            FaultKind::Timeout,
            "nobody decided on the request within its time".to_owned(),
            "run the command again and have it approved",
        ),
        JoinStatus::Approved | JoinStatus::Pending => (
            FaultKind::Conflict,
            "the node was let in, but its papers cannot be had any more".to_owned(),
            "make a replace join URL for it on the Host and join with that",
        ),
    };
    Failure::new(kind, cause).next_step(step)
}

fn refused(error: JoinCallError) -> Failure {
    match error {
        JoinCallError::Connect(fault) => fault.into(),
        JoinCallError::Refused { status, why, .. } => {
            let kind = match status.as_u16() {
                401 | 403 | 404 => FaultKind::Forbidden,
                429 => FaultKind::Limited,
                500.. => FaultKind::Internal,
                _ => FaultKind::Invalid,
            };
            Failure::new(kind, why)
        }
        JoinCallError::Garbled(_) => Failure::new(FaultKind::Internal, error.to_string()),
    }
}

impl Waiting {
    fn path(state: &Path) -> PathBuf {
        state.join("node").join("join.json")
    }

    /// Whether this is the request of an earlier run of the same command, and may still be approved.
    fn is_for(&self, invitation: &Invitation, ambient: &Ambient) -> bool {
        let is_same = self.pin == invitation.pin && self.address == invitation.address;
        is_same && ambient.now() < self.expires_at
    }

    fn read(state: &Path) -> Result<Option<Self>, Failure> {
        let path = Self::path(state);
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(&path, &error.to_string())),
            Ok(content) => serde_json::from_slice(&content)
                .map(Some)
                .map_err(|error| unusable(&path, &error.to_string())),
        }
    }

    fn write(&self, state: &Path) -> Result<(), Failure> {
        let path = Self::path(state);
        let content = serde_json::to_vec_pretty(self).map_err(|error| unusable(&path, &error.to_string()))?;
        files::replace(&path, &content, files::PRIVATE_FILE)
            .map_err(|error| unusable(&path, &error.to_string()))
    }

    fn forget(state: &Path) -> Result<(), Failure> {
        let path = Self::path(state);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(&path, &error.to_string())),
            _ => Ok(()),
        }
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn unusable(path: &Path, why: &str) -> Failure {
    let cause = format!(
        "the request that waits cannot be kept in {}: {why}",
        path.display()
    );
    Failure::new(FaultKind::Internal, cause).next_step("mend or remove the file, then run the command again")
}
