//! The cluster CA: it alone says who is the Host and who is a node of this cluster.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use rcgen::{CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, ServerName};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use watchroom_kit::{Ambient, Fault, FaultKind};
use x509_parser::extensions::GeneralName;

use crate::authority::{Authority, Title, params};
use crate::keyfile::{self, KeyFileError};
use crate::{Fingerprint, Leaf, report};

/// How long a node's leaf lasts.
const NODE_LIFETIME: Duration = Duration::hours(24);
/// How long a Host's leaf lasts. It never leaves memory and is made anew long before.
const HOST_LIFETIME: Duration = Duration::hours(24);

/// Which cluster: made once with its CA, and part of every name inside its certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(Uuid);

impl ClusterId {
    /// The id inside.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// The fixed name of every Host of this cluster on the link. It is never looked up: nodes find a Host by
    /// its address and know it by this name (`.internal` is reserved for private use).
    #[must_use]
    pub fn host_name(&self) -> String {
        format!("host.{}.watchroom.internal", self.0.hyphenated())
    }

    /// [`ClusterId::host_name`] as rustls takes it.
    pub(crate) fn server_name(self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host_name()).ok()
    }

    /// The name of a node inside its certificate.
    pub(crate) fn node_uri(self, node: Uuid) -> String {
        format!("watchroom://{}/node/{}", self.0.hyphenated(), node.hyphenated())
    }

    /// The cluster that a CA certificate states.
    pub(crate) fn stated_by(ca: &[u8]) -> Option<Self> {
        report::alternative_names(ca)
            .ok()?
            .into_iter()
            .find_map(|name| match name {
                GeneralName::URI(uri) => uri.strip_prefix("watchroom://")?.parse().ok(),
                _ => None,
            })
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ClusterId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

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
            Self::BadRequest(_) | Self::WrongKey | Self::AsksForMore => self.to_string(),
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

/// The cluster's certificate authority (ECDSA P-256), in `<state>/keys/cluster-ca.{key,crt}`.
pub struct ClusterCa {
    authority: Authority,
    id: ClusterId,
}

impl fmt::Debug for ClusterCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterCa")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl ClusterCa {
    /// Opens the CA below the state folder, or makes a new cluster if there is none.
    ///
    /// # Errors
    /// [`KeyFileError`]; an existing CA is never replaced, whatever is wrong with it.
    pub fn open_or_make(state: &Path, ambient: &Ambient) -> Result<Self, KeyFileError> {
        let folder = keyfile::keys_folder(state)?;
        let authority = Authority::open_or_make(&folder, "cluster-ca", ambient, || {
            let id = ambient.uuid().hyphenated().to_string();
            let uri = SanType::URI(format!("watchroom://{id}").try_into()?);
            Ok(Title {
                name: format!("Watchroom cluster {id}"),
                names: vec![uri],
            })
        })?;
        let id = ClusterId::stated_by(authority.certificate()).ok_or_else(|| KeyFileError::Unreadable {
            path: folder.join("cluster-ca.key"),
            what: "cluster CA",
            why: "its certificate states no cluster id".to_owned(),
        })?;
        Ok(Self { authority, id })
    }

    /// Which cluster this is.
    #[must_use]
    pub const fn cluster_id(&self) -> ClusterId {
        self.id
    }

    /// The CA's own certificate, which nodes pin.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        self.authority.certificate()
    }

    /// The fingerprint of that certificate, as the join URL carries it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.authority.fingerprint()
    }

    /// A fresh key and leaf for this Host's end of the link: good for serving alone, so that no node's leaf
    /// can ever pose as the Host, nor the Host's as a node's.
    ///
    /// # Errors
    /// [`IssueError::Signing`].
    pub fn issue_host_leaf(&self, ambient: &Ambient) -> Result<Leaf, IssueError> {
        let key = KeyPair::generate()?;
        let mut leaf = params("Watchroom Host", ambient.now(), HOST_LIFETIME, &ambient.entropy);
        leaf.subject_alt_names = vec![SanType::DnsName(self.id.host_name().try_into()?)];
        end_entity(&mut leaf, ExtendedKeyUsagePurpose::ServerAuth);
        let chain = self.authority.sign(&leaf, &key)?;
        Ok(Leaf::new(chain, &key, leaf.not_after))
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
        let request = CertificateSigningRequestDer::from(request);
        let request = CertificateSigningRequestParams::from_der(&request).map_err(IssueError::BadRequest)?;
        let asked = &request.params;
        if !asked.subject_alt_names.is_empty()
            || !asked.extended_key_usages.is_empty()
            || asked.is_ca != IsCa::NoCa
        {
            return Err(IssueError::AsksForMore);
        }
        if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(IssueError::WrongKey);
        }
        let name = format!("Watchroom node {}", node.hyphenated());
        let mut leaf = params(&name, ambient.now(), NODE_LIFETIME, &ambient.entropy);
        leaf.subject_alt_names = vec![SanType::URI(self.id.node_uri(node).try_into()?)];
        end_entity(&mut leaf, ExtendedKeyUsagePurpose::ClientAuth);
        let chain = self.authority.sign(&leaf, &request.public_key)?;
        Ok(Issued {
            chain,
            not_after: leaf.not_after,
        })
    }
}

fn end_entity(leaf: &mut CertificateParams, usage: ExtendedKeyUsagePurpose) {
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![usage];
}
