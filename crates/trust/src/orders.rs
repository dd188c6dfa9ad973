//! Signed orders: a node can prove, to itself and later to others, that its Host gave an order.
//!
//! The Host signs with a key of its own, under a certificate that the cluster CA made for nothing but this.
//! It lives in memory for a day and is made anew by itself, after a rotation of the CA too. A signature
//! brings its certificates along, one by each CA that is trusted, so that it can be verified by whoever
//! holds any of them and by nobody's memory of keys.

use std::sync::Arc;

use rcgen::{KeyPair, SigningKey};
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use watchroom_kit::Ambient;

use crate::generations::Generations;
use crate::rolling::{Made, Rolling};
use crate::{ClusterCa, IssueError, LinkClient, is_signed_by};

/// Stands before what is signed, so that the signature can never be taken for one over something else.
const CONTEXT: &[u8] = b"watchroom order 1\n";

/// A signature and the certificates under which it was made: the same key by each CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The certificates in DER.
    pub leaves: Vec<CertificateDer<'static>>,
    /// ECDSA P-256 with SHA-256 (FIPS 186-5) in ASN.1.
    pub signature: Vec<u8>,
}

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnprovenError {
    /// None of its certificates is by a CA that this node trusts, for signing orders, and valid now.
    #[error("no certificate under the signature is one of this cluster's Hosts for orders ({why})")]
    NotAHost {
        /// What was wrong with the last of them.
        why: String,
    },
    /// It is over something else.
    #[error("the signature is not one over this order")]
    AnotherOrder,
}

/// The Host's pen.
pub struct OrderSigner(Rolling<Pen, IssueError>);

struct Pen {
    key: KeyPair,
    leaves: Vec<CertificateDer<'static>>,
}

impl std::fmt::Debug for OrderSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OrderSigner(..)")
    }
}

impl OrderSigner {
    /// Makes a first key.
    ///
    /// # Errors
    /// [`IssueError::Signing`].
    pub fn new(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Self, IssueError> {
        Rolling::new(ca, ambient, make).map(Self)
    }

    /// Signs `content` for the nodes of this cluster.
    ///
    /// # Errors
    /// [`IssueError::Signing`].
    pub fn sign(&self, content: &[u8]) -> Result<Signed, IssueError> {
        let pen = self.0.current()?;
        Ok(Signed {
            leaves: pen.leaves.clone(),
            signature: pen.key.sign(&signed_bytes(content))?,
        })
    }
}

fn make(ca: &ClusterCa, generations: &Generations, ambient: &Ambient) -> Result<Made<Pen>, IssueError> {
    let key = KeyPair::generate()?;
    let name = ca.cluster_id().order_name();
    let (made, is_whole) =
        generations.by_each(|authority| ca.certify_for_host(authority, name.clone(), &key, ambient))?;
    let ends_at = made.iter().map(|(_, not_after)| *not_after).min();
    let leaves = made.into_iter().filter_map(|(chain, _)| chain.into_iter().next());
    Ok(Made {
        value: Pen {
            leaves: leaves.collect(),
            key,
        },
        ends_at: ends_at.unwrap_or_else(|| ambient.now()),
        is_whole,
    })
}

impl LinkClient {
    /// Proves that a Host of this node's cluster has signed `content`.
    ///
    /// # Errors
    /// [`UnprovenError`].
    pub fn prove(&self, content: &[u8], signed: &Signed) -> Result<(), UnprovenError> {
        let not_a_host = |why: String| UnprovenError::NotAHost { why };
        let name = ServerName::try_from(self.cluster_id().order_name())
            .map_err(|error| not_a_host(error.to_string()))?;
        let now = u64::try_from(self.clock().now().unix_timestamp()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        let verifier = self.verifier();
        let mut last = "there is none".to_owned();
        for leaf in &signed.leaves {
            match verifier.verify_server_cert(leaf, &[], &name, &[], now) {
                Ok(_) if is_signed_by_leaf(leaf, &signed_bytes(content), &signed.signature) => return Ok(()),
                Ok(_) => return Err(UnprovenError::AnotherOrder),
                Err(error) => last = error.to_string(),
            }
        }
        Err(not_a_host(last))
    }
}

fn signed_bytes(content: &[u8]) -> Vec<u8> {
    [CONTEXT, content].concat()
}

fn is_signed_by_leaf(leaf: &CertificateDer<'_>, message: &[u8], signature: &[u8]) -> bool {
    x509_parser::parse_x509_certificate(leaf)
        .is_ok_and(|(_, parsed)| is_signed_by(parsed.public_key().raw, message, signature))
}
