//! The cluster CA: it alone says who is the Host and who is a node of this cluster.
//!
//! All replicas of a Host share it: it lies in their database, its key under the cluster's seal, and each holds in
//! memory what is there. It can be rotated: a new CA signs from then on, and the old one is trusted beside it until every
//! node has moved, at the latest until the overlap ends. The cluster's id, and with it every name inside the
//! certificates, stays.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use watchroom_kit::{Ambient, Fault, FaultKind};

use crate::authority::{Authority, Title, params};
use crate::generations::{CaKeys, Generations, Retiring};
use crate::keyfile::{self, KeyFileError};
use crate::{ClusterId, ClusterSecret, Fingerprint, Leaf, ModuleError, NodeRequest, SealedCa, UnsealError};

/// How long a node's leaf lasts.
const NODE_LIFETIME: Duration = Duration::hours(24);
/// How long a Host's leaf lasts. It never leaves memory and is made anew long before.
const HOST_LIFETIME: Duration = Duration::hours(24);

/// How long an old CA is trusted beside the new one, at most: a node that is off that long joins anew.
const OVERLAP: Duration = Duration::days(30);
/// Where earlier versions kept the CA that signs, and the one before it, below `keys`: each file with its key and its
/// certificate.
const SIGNING: &str = "cluster-ca";
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
    /// The new one cannot be made.
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

/// The cluster's certificate authority (ECDSA P-256) as this Host holds it.
pub struct ClusterCa {
    id: ClusterId,
    keys: CaKeys,
    generations: ArcSwap<Generations>,
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
    /// A new cluster, which is kept nowhere yet: see [`ClusterCa::sealed`].
    ///
    /// # Errors
    /// [`KeyFileError::Crypto`], [`KeyFileError::Module`].
    pub fn found(keys: impl Into<CaKeys>, ambient: &Ambient) -> Result<Self, KeyFileError> {
        let keys = keys.into();
        let title = title(ClusterId::from(ambient.uuid()), ambient)?;
        let signing = Authority::by_chance(title, keys.module.as_ref(), ambient)?;
        Self::of(keys, signing, None, ambient)
    }

    /// The CA as the database has it.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn open(keys: impl Into<CaKeys>, sealed: &[SealedCa]) -> Result<Self, UnsealError> {
        let keys = keys.into();
        let generations = Generations::open(&keys, sealed)?;
        Ok(Self {
            id: generations.cluster()?,
            keys,
            generations: ArcSwap::from_pointee(generations),
        })
    }

    /// The CA that an earlier version left in files below the state folder; `None` if there is none.
    ///
    /// # Errors
    /// [`KeyFileError`] if it is there and cannot be used.
    pub fn of_files(
        state: &Path,
        keys: impl Into<CaKeys>,
        ambient: &Ambient,
    ) -> Result<Option<Self>, KeyFileError> {
        let (folder, keys) = (keyfile::keys_folder(state)?, keys.into());
        let open = |stem| Authority::open(&folder, stem, keys.module.as_ref());
        let Some(signing) = open(SIGNING)? else {
            return Ok(None);
        };
        // The same one twice is what a power cut in the middle of a rotation left.
        let retiring = open(RETIRING)?.filter(|old| old.certificate() != signing.certificate());
        Self::of(keys, signing, retiring, ambient).map(Some)
    }

    /// Removes those files, once the database has what was in them.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn forget_files(state: &Path) -> Result<(), KeyFileError> {
        let folder = keyfile::keys_folder(state)?;
        for name in [SIGNING, RETIRING] {
            keyfile::remove(&folder.join(format!("{name}.key")))?;
            keyfile::remove(&folder.join(format!("{name}.crt")))?;
        }
        Ok(())
    }

    fn of(
        keys: CaKeys,
        signing: Authority,
        retiring: Option<Authority>,
        ambient: &Ambient,
    ) -> Result<Self, KeyFileError> {
        let before = retiring.as_ref().map(Authority::fingerprint);
        let mut sealed = vec![seal(&keys.secret, &signing, before, ambient)?];
        if let Some(old) = &retiring {
            sealed.push(seal(&keys.secret, old, None, ambient)?);
        }
        let unusable = |error: UnsealError| KeyFileError::Unreadable {
            path: ClusterSecret::path(Path::new("")),
            what: "cluster CA",
            why: error.to_string(),
        };
        let generations = Generations::new(signing, retiring.map(Retiring::from), sealed);
        let generations = generations.map_err(unusable)?;
        Ok(Self {
            id: generations.cluster().map_err(unusable)?,
            keys,
            generations: ArcSwap::from_pointee(generations),
        })
    }

    /// All CAs that are trusted now, as the database is to have them.
    #[must_use]
    pub fn sealed(&self) -> Vec<SealedCa> {
        self.generations.load().sealed.clone()
    }

    /// Which cluster this is.
    #[must_use]
    pub const fn cluster_id(&self) -> ClusterId {
        self.id
    }

    /// A key for one purpose that every Host of the cluster has, and nobody else: see [`ClusterSecret::derive`].
    #[must_use]
    pub fn derived_key(&self, purpose: &str) -> [u8; 32] {
        self.keys.secret.derive(purpose)
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
        generations.certificates().cloned().collect()
    }

    /// Until when the CA before this one is trusted at the latest, if it still is.
    #[must_use]
    pub fn retires_at(&self) -> Option<OffsetDateTime> {
        let generations = self.generations.load();
        let is_underway = generations.retiring.is_some();
        is_underway.then(|| generations.signing.made_at() + OVERLAP)
    }

    /// Makes a CA to take the place of the one that signs. It is used once it is in the database and has come back from
    /// there: see [`ClusterCa::adopt`].
    ///
    /// # Errors
    /// [`RotateError::Underway`] while the one before is trusted still.
    pub fn successor(&self, ambient: &Ambient) -> Result<SealedCa, RotateError> {
        if let Some(until) = self.retires_at() {
            return Err(RotateError::Underway { until });
        }
        let title = title(self.id, ambient).map_err(KeyFileError::from)?;
        let next = Authority::by_chance(title, self.keys.module.as_ref(), ambient)?;
        let sealed = seal(&self.keys.secret, &next, Some(self.fingerprint()), ambient);
        Ok(sealed
            .inspect_err(|_| next.remove())
            .map_err(KeyFileError::from)?)
    }

    /// Removes the key of a [successor](ClusterCa::successor) that did not come into the database, if it is in a security
    /// module.
    pub fn discard(&self, sealed: &SealedCa) {
        match Generations::open(&self.keys, std::slice::from_ref(sealed)) {
            Ok(unused) => unused.signing.remove(),
            Err(error) => {
                let fingerprint = sealed
                    .fingerprint()
                    .map_or_else(String::new, |one| one.to_string());
                tracing::warn!(%error, fingerprint, "the key of a cluster CA that nobody uses may be left in the security module");
            }
        }
    }

    /// Whether what the database has could be taken up.
    ///
    /// # Errors
    /// As [`ClusterCa::adopt`].
    pub fn check(&self, sealed: &[SealedCa]) -> Result<(), UnsealError> {
        self.opened(sealed).map(drop)
    }

    /// Takes up what the database has: the CA that signs there signs here from now on, and what is not there is trusted
    /// no longer. Says whether anything has changed, so that every node has to be told.
    ///
    /// # Errors
    /// [`UnsealError`]; then nothing has changed.
    pub fn adopt(&self, sealed: &[SealedCa]) -> Result<bool, UnsealError> {
        let Some(fresh) = self.opened(sealed)? else {
            return Ok(false);
        };
        let has_changed = !self.generations.load().certificates().eq(fresh.certificates());
        if has_changed {
            self.generations.store(Arc::new(fresh));
        }
        Ok(has_changed)
    }

    /// These CAs, if they are others than those that are held.
    fn opened(&self, sealed: &[SealedCa]) -> Result<Option<Generations>, UnsealError> {
        let held = self.generations.load();
        let is_held = |one: &SealedCa| held.sealed.contains(one);
        if sealed.len() == held.sealed.len() && sealed.iter().all(is_held) {
            return Ok(None);
        }
        let fresh = Generations::open(&self.keys, sealed)?;
        match fresh.cluster()? == self.id {
            true => Ok(Some(fresh)),
            false => Err(UnsealError::AnotherCluster),
        }
    }

    /// The label of the token in which the key of the CA that signs is, after it has signed once to show that it does;
    /// `None` if this program holds the key.
    ///
    /// # Errors
    /// [`ModuleError`] if it does not sign.
    pub fn prove_key(&self) -> Result<Option<String>, ModuleError> {
        self.generations.load().signing.prove_key()
    }

    /// The same of the CA before it, if that is trusted still.
    ///
    /// # Errors
    /// [`ModuleError`] if it does not sign, or could not be used when this Host took it up.
    pub fn prove_retiring_key(&self) -> Option<Result<Option<String>, ModuleError>> {
        let generations = self.generations.load();
        generations.retiring.as_ref().map(Retiring::prove_key)
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

fn seal(
    secret: &ClusterSecret,
    authority: &Authority,
    replaces: Option<Fingerprint>,
    ambient: &Ambient,
) -> Result<SealedCa, rcgen::Error> {
    secret.seal(
        authority.certificate(),
        authority.key(),
        replaces,
        &ambient.entropy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_left_in_files_is_taken_over_and_then_gone() {
        let folder = tempfile::tempdir().unwrap();
        let ambient = Ambient::system();
        let secret = ClusterSecret::by_chance(&ambient.entropy);
        let of_files = || ClusterCa::of_files(folder.path(), secret.clone(), &ambient).unwrap();
        assert!(of_files().is_none());
        let keys = folder.path().join("keys");
        let cluster = ClusterId::from(ambient.uuid());
        let made = |name| {
            let title = || title(cluster, &ambient);
            Authority::open_or_make(&keys, name, None, &ambient, title)
                .unwrap()
                .fingerprint()
        };
        let (signing, retiring) = (made(SIGNING), made(RETIRING));
        let taken = of_files().unwrap();
        assert_eq!((taken.cluster_id(), taken.fingerprint()), (cluster, signing));
        let anchors: Vec<_> = taken.anchors().iter().map(|ca| Fingerprint::of(ca)).collect();
        assert_eq!(anchors, [signing, retiring]);
        assert!(ClusterCa::open(secret.clone(), &taken.sealed()).is_ok());
        ClusterCa::forget_files(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(&keys).unwrap().count(), 0);
    }
}
