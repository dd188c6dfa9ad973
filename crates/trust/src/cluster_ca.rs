//! The cluster CA: it alone says who is the Host and who is a node of this cluster.
//!
//! It can be rotated: a new CA signs from then on, and the old one is trusted beside it until every node
//! has moved, at the latest until the overlap ends. The cluster's id, and with it every name inside the
//! certificates, stays.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use watchroom_kit::{Ambient, Fault, FaultKind};

use crate::authority::{Authority, Title, params};
use crate::keyfile::{self, KeyFileError};
use crate::{ClusterId, Fingerprint, Leaf, NodeRequest};

/// How long a node's leaf lasts.
const NODE_LIFETIME: Duration = Duration::hours(24);
/// How long a Host's leaf lasts. It never leaves memory and is made anew long before.
const HOST_LIFETIME: Duration = Duration::hours(24);

/// How long an old CA is trusted beside the new one, at most: a node that is off that long joins anew.
const OVERLAP: Duration = Duration::days(30);
/// The file of the CA that signs.
const SIGNING: &str = "cluster-ca";
/// The file of the one before it, while it is still trusted.
const RETIRING: &str = "cluster-ca-retiring";

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The request does not parse, or is not signed by the key it names.
    #[error("the certificate request is not valid ({0}); make a new one on the node")]
    BadRequest(rcgen::Error),
    /// The key is not ECDSA P-256.
    #[error(
        "the certificate request is for another kind of key than ECDSA P-256; make a new one on the node"
    )]
    WrongKey,
    /// The request asks for names, usages or powers, which only the CA gives.
    #[error("the certificate request asks for names or powers of its own; make a new one on the node")]
    AsksForMore,
    /// The request is of another key than the one that asks.
    #[error("the certificate request is for another key than the node's; make it with the node's own key")]
    AnotherKey,
    /// Signing failed.
    #[error("cannot sign a certificate: {0}")]
    Signing(#[from] rcgen::Error),
}

impl Fault for IssueError {
    fn kind(&self) -> FaultKind {
        if matches!(self, Self::Signing(_)) {
            FaultKind::Internal
        } else {
            FaultKind::Invalid
        }
    }

    fn slug(&self) -> &'static str {
        if matches!(self, Self::Signing(_)) {
            "certificate-not-signed"
        } else {
            "certificate-request-invalid"
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Signing(_) => "the certificate could not be signed; the Host's log says why".to_owned(),
            Self::BadRequest(_) | Self::WrongKey | Self::AsksForMore | Self::AnotherKey => self.to_string(),
        }
    }
}

/// A certificate that was handed out, with the chain up to the CA.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The leaf, then the CA.
    pub chain: Vec<CertificateDer<'static>>,
    /// Until when it is valid.
    pub not_after: OffsetDateTime,
}

/// Why the CA was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The last rotation is not over.
    #[error(
        "the CA before this one is still trusted, until all nodes have moved or until {until}; rotate again after that"
    )]
    Underway {
        /// When the old one retires at the latest.
        until: OffsetDateTime,
    },
    /// The new one cannot be made or kept.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
}

impl Fault for RotateError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Underway { .. } => FaultKind::Conflict,
            Self::Keys(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Underway { .. } => "ca-rotation-underway",
            Self::Keys(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Underway { .. } => self.to_string(),
            Self::Keys(error) => error.public(),
        }
    }
}

/// The CAs that are trusted at one time.
pub(crate) struct Generations {
    /// Signs.
    pub(crate) signing: Arc<Authority>,
    /// Signed before, and is trusted still.
    pub(crate) retiring: Option<Arc<Authority>>,
}

impl Generations {
    /// The CAs, the one that signs first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Authority>> {
        std::iter::once(&self.signing).chain(&self.retiring)
    }
}

/// The cluster's certificate authority (ECDSA P-256), in `<state>/keys/cluster-ca.{key,crt}`.
pub struct ClusterCa {
    folder: PathBuf,
    id: ClusterId,
    generations: ArcSwap<Generations>,
    /// One rotation or retirement at a time.
    turning: Mutex<()>,
}

impl fmt::Debug for ClusterCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterCa")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn title(id: ClusterId, ambient: &Ambient) -> Result<Title, rcgen::Error> {
    // A name of its own tells one generation from the next: a node names the CA that it trusts by this.
    Ok(Title {
        name: format!("Watchroom cluster CA {}", ambient.uuid().hyphenated()),
        names: vec![SanType::URI(id.uri().try_into()?)],
    })
}

impl ClusterCa {
    /// Opens the CA below the state folder, or makes a new cluster if there is none.
    ///
    /// # Errors
    /// [`KeyFileError`]; an existing CA is never replaced, whatever is wrong with it.
    pub fn open_or_make(state: &Path, ambient: &Ambient) -> Result<Self, KeyFileError> {
        let folder = keyfile::keys_folder(state)?;
        let signing = Authority::open_or_make(&folder, SIGNING, ambient, || {
            title(ClusterId::from(ambient.uuid()), ambient)
        })?;
        let id = ClusterId::stated_by(signing.certificate()).ok_or_else(|| KeyFileError::Unreadable {
            path: folder.join("cluster-ca.key"),
            what: "cluster CA",
            why: "its certificate states no cluster id".to_owned(),
        })?;
        // The same one twice is what a power cut in the middle of a rotation leaves.
        let retiring =
            Authority::open(&folder, RETIRING)?.filter(|old| old.certificate() != signing.certificate());
        let generations = Generations {
            signing: Arc::new(signing),
            retiring: retiring.map(Arc::new),
        };
        Ok(Self {
            folder,
            id,
            generations: ArcSwap::from_pointee(generations),
            turning: Mutex::default(),
        })
    }

    /// Which cluster this is.
    #[must_use]
    pub const fn cluster_id(&self) -> ClusterId {
        self.id
    }

    /// The certificate of the CA that signs, which nodes pin.
    #[must_use]
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.generations.load().signing.certificate().clone()
    }

    /// The fingerprint of that certificate, as the join URL carries it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.generations.load().signing.fingerprint()
    }

    /// All that a node has to trust now: the CA that signs first, then one that retires.
    #[must_use]
    pub fn anchors(&self) -> Vec<CertificateDer<'static>> {
        let generations = self.generations.load();
        generations.all().map(|ca| ca.certificate().clone()).collect()
    }

    /// Until when the CA before this one is trusted at the latest, if it still is.
    #[must_use]
    pub fn retires_at(&self) -> Option<OffsetDateTime> {
        let generations = self.generations.load();
        let is_underway = generations.retiring.is_some();
        is_underway.then(|| generations.signing.made_at() + OVERLAP)
    }

    /// Makes a new CA, which signs from now on; the one before is trusted until [`ClusterCa::retire`]. Every
    /// node has to be told, and to be given a new leaf.
    ///
    /// # Errors
    /// [`RotateError`]; then nothing has changed that a start would not find again.
    pub fn rotate(&self, ambient: &Ambient) -> Result<Fingerprint, RotateError> {
        let _turn = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = self.retires_at() {
            return Err(RotateError::Underway { until });
        }
        let before = Arc::clone(&self.generations.load().signing);
        let title = title(self.id, ambient).map_err(KeyFileError::from)?;
        let signing = Authority::succeed(&self.folder, SIGNING, RETIRING, title, ambient)?;
        let fingerprint = signing.fingerprint();
        self.generations.store(Arc::new(Generations {
            signing: Arc::new(signing),
            retiring: Some(before),
        }));
        Ok(fingerprint)
    }

    /// Trusts the CA before this one no longer, and forgets its key. Returns whether there was one.
    ///
    /// # Errors
    /// If its key cannot be removed; it is then still trusted.
    pub fn retire(&self) -> Result<bool, KeyFileError> {
        let _turn = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let generations = self.generations.load_full();
        if generations.retiring.is_none() {
            return Ok(false);
        }
        keyfile::remove(&self.folder.join(format!("{RETIRING}.key")))?;
        self.generations.store(Arc::new(Generations {
            signing: Arc::clone(&generations.signing),
            retiring: None,
        }));
        Ok(true)
    }

    pub(crate) fn generations(&self) -> Arc<Generations> {
        self.generations.load_full()
    }

    /// A fresh key and leaf for this Host's end of the link: good for serving alone, so that no node's leaf
    /// can ever pose as the Host, nor the Host's as a node's.
    ///
    /// # Errors
    /// [`IssueError::Signing`].
    pub fn issue_host_leaf(&self, ambient: &Ambient) -> Result<Leaf, IssueError> {
        self.issue_for_host(&self.generations().signing, self.id.host_name(), ambient)
    }

    /// A leaf of this Host under a name, by one of the CAs that are trusted, with a key of its own.
    pub(crate) fn issue_for_host(
        &self,
        by: &Authority,
        name: String,
        ambient: &Ambient,
    ) -> Result<Leaf, IssueError> {
        let key = KeyPair::generate()?;
        let (chain, not_after) = self.certify_for_host(by, name, &key, ambient)?;
        Ok(Leaf::new(chain, &key, not_after))
    }

    /// The chain for a key of this Host under a name, and until when it is valid.
    pub(crate) fn certify_for_host(
        &self,
        by: &Authority,
        name: String,
        key: &KeyPair,
        ambient: &Ambient,
    ) -> Result<(Vec<CertificateDer<'static>>, OffsetDateTime), IssueError> {
        let mut leaf = params("Watchroom Host", ambient.now(), HOST_LIFETIME, &ambient.entropy);
        leaf.subject_alt_names = vec![SanType::DnsName(name.try_into()?)];
        end_entity(&mut leaf, ExtendedKeyUsagePurpose::ServerAuth);
        Ok((by.sign(&leaf, key)?, leaf.not_after))
    }

    /// A leaf for the key that signed `request` (PKCS#10 in DER, from [`crate::NodeKey::request`]): good for
    /// dialling alone, valid for 24 hours, with the node's id in `watchroom://<cluster>/node/<id>`.
    ///
    /// # Errors
    /// [`IssueError`] if the request is not one of ours.
    pub fn issue_node_leaf(
        &self,
        node: Uuid,
        request: &[u8],
        ambient: &Ambient,
    ) -> Result<Issued, IssueError> {
        let request = NodeRequest::read(request)?;
        let name = format!("Watchroom node {}", node.hyphenated());
        let mut leaf = params(&name, ambient.now(), NODE_LIFETIME, &ambient.entropy);
        leaf.subject_alt_names = vec![SanType::URI(self.id.node_uri(node).try_into()?)];
        end_entity(&mut leaf, ExtendedKeyUsagePurpose::ClientAuth);
        let chain = self.generations().signing.sign(&leaf, request.key())?;
        Ok(Issued {
            chain,
            not_after: leaf.not_after,
        })
    }

    /// [`ClusterCa::issue_node_leaf`] for a node that has proven itself by `key` (the fingerprint of its public
    /// key): only the same key is certified anew.
    ///
    /// # Errors
    /// [`IssueError`], [`IssueError::AnotherKey`] among them.
    pub fn renew_node_leaf(
        &self,
        node: Uuid,
        key: Fingerprint,
        request: &[u8],
        ambient: &Ambient,
    ) -> Result<Issued, IssueError> {
        if Fingerprint::of(&NodeRequest::read(request)?.public_key()) != key {
            return Err(IssueError::AnotherKey);
        }
        self.issue_node_leaf(node, request, ambient)
    }
}

fn end_entity(leaf: &mut CertificateParams, usage: ExtendedKeyUsagePurpose) {
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![usage];
}
