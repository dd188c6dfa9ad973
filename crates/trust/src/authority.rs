//! A certificate authority on disk: what the cluster CA and the panel CA have in common.
//!
//! The `.key` file holds the key (or its name in a security module) *and* its certificate, so that one rename makes both and a power cut can
//! never leave half an authority. The `.crt` beside it is a copy for people and is made again if missing.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose};
use rcgen::{PublicKeyData, SanType, SerialNumber};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use watchroom_kit::{Ambient, Entropy, files};
use zeroize::Zeroizing;

use crate::keyfile::{self, KeyFileError};
use crate::own_key::{KeyToBe, OwnKey};
use crate::{Fingerprint, ModuleError, SecurityModule, TOLERATED_SKEW_S, UnsealError};

/// Mode of certificates: public by nature, written by the owner alone.
pub(crate) const CERTIFICATE_FILE: u32 = 0o644;
/// How long an authority lasts: longer than the machine under it.
const LIFETIME: Duration = Duration::days(3_652);

/// A certificate and the key that signs with it.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, OwnKey>,
    made_at: OffsetDateTime,
}

/// What a new authority is called.
pub(crate) struct Title {
    /// Its common name.
    pub(crate) name: String,
    /// What it states besides.
    pub(crate) names: Vec<SanType>,
}

impl Authority {
    /// Opens `<folder>/<stem>.key`, or makes the authority under the title that `title` gives.
    pub(crate) fn open_or_make(
        folder: &Path,
        stem: &str,
        module: Option<&SecurityModule>,
        ambient: &Ambient,
        title: impl FnOnce() -> Result<Title, rcgen::Error>,
    ) -> Result<Self, KeyFileError> {
        let key_path = folder.join(format!("{stem}.key"));
        let certificate_path = folder.join(format!("{stem}.crt"));
        let copy = keyfile::read(&certificate_path)?;
        let content = match (keyfile::read_key(&key_path)?, &copy) {
            (Some(content), _) => content,
            (None, Some(_)) => {
                return Err(KeyFileError::KeyMissing {
                    certificate: certificate_path,
                    key: key_path,
                });
            }
            (None, None) => {
                let (key, content) = make(title()?, module, ambient)?;
                let written = keyfile::write(&key_path, &content, files::PRIVATE_FILE);
                key.stays_if_in(&key_path);
                written.map(|()| content)?
            }
        };
        let (authority, pem) = Self::parse(&key_path, &content, module)?;
        match copy {
            None => keyfile::write(&certificate_path, pem.as_bytes(), CERTIFICATE_FILE)?,
            Some(copy) => {
                let stated = keyfile::certificates(&certificate_path, &copy)?;
                if stated.first() != Some(&authority.certificate) {
                    return Err(KeyFileError::Mismatch {
                        certificate: certificate_path,
                        key: key_path,
                    });
                }
            }
        }
        Ok(authority)
    }

    /// Opens `<folder>/<stem>.key` alone, without the copy for people; `None` if there is none.
    pub(crate) fn open(
        folder: &Path,
        stem: &str,
        module: Option<&SecurityModule>,
    ) -> Result<Option<Self>, KeyFileError> {
        let path = folder.join(format!("{stem}.key"));
        let Some(content) = keyfile::read_key(&path)? else {
            return Ok(None);
        };
        Self::parse(&path, &content, module).map(|(authority, _)| Some(authority))
    }

    /// Makes an authority that is on no disk. One that is not used is to be [removed](Authority::remove).
    pub(crate) fn by_chance(
        title: Title,
        module: Option<&SecurityModule>,
        ambient: &Ambient,
    ) -> Result<Self, KeyFileError> {
        let (key, content) = make(title, module, ambient)?;
        let (authority, _) = Self::parse(Path::new("a new authority"), &content, module)?;
        key.stays();
        Ok(authority)
    }

    /// The authority with this certificate and the key in what was sealed beside it.
    pub(crate) fn of(
        certificate: CertificateDer<'static>,
        key: &[u8],
        module: Option<&SecurityModule>,
    ) -> Result<Self, UnsealError> {
        let key = OwnKey::of_sealed(key, module)?;
        key.and_then(|key| Self::join(certificate, key))
            .map_err(UnsealError::NotACa)
    }

    /// Whether its key is in a security module, which may take its time.
    pub(crate) fn is_apart(&self) -> bool {
        matches!(self.issuer.key(), OwnKey::Apart(_))
    }

    /// Has its key sign once, if it is in a security module: the label of the token in which it is.
    pub(crate) fn prove_key(&self) -> Result<Option<String>, ModuleError> {
        self.issuer.key().prove()
    }

    /// Removes its key from the module, if it is in one: it has signed for nobody.
    pub(crate) fn remove(&self) {
        self.issuer.key().remove();
    }

    /// Its key as it is sealed.
    pub(crate) fn key(&self) -> Zeroizing<Vec<u8>> {
        self.issuer.key().to_sealed()
    }

    fn parse(
        path: &Path,
        content: &[u8],
        module: Option<&SecurityModule>,
    ) -> Result<(Self, String), KeyFileError> {
        let unreadable = |why: String| KeyFileError::Unreadable {
            path: path.to_owned(),
            what: "authority",
            why,
        };
        let certificate = keyfile::certificates(path, content)?.into_iter().next();
        let certificate = certificate.ok_or_else(|| unreadable("it has no certificate".to_owned()))?;
        let key = OwnKey::of_file(path, content, module)?;
        let authority = Self::join(certificate, key).map_err(unreadable)?;
        let text = String::from_utf8_lossy(content);
        let pem = text
            .find("-----BEGIN CERTIFICATE-----")
            .and_then(|at| text.get(at..))
            .unwrap_or_default()
            .to_owned();
        Ok((authority, pem))
    }

    fn join(certificate: CertificateDer<'static>, key: OwnKey) -> Result<Self, String> {
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&certificate).map_err(|error| error.to_string())?;
        if !parsed.is_ca() {
            return Err("its certificate is not an authority's".to_owned());
        }
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err("its key does not belong to its certificate".to_owned());
        }
        let made_at = OffsetDateTime::from_unix_timestamp(parsed.validity().not_before.timestamp())
            .map_err(|error| error.to_string())?
            + Duration::seconds(TOLERATED_SKEW_S);
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|error| error.to_string())?;
        Ok(Self {
            certificate,
            issuer,
            made_at,
        })
    }

    /// The authority's own certificate.
    pub(crate) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The fingerprint of that certificate.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// When it was made, to the second.
    pub(crate) const fn made_at(&self) -> OffsetDateTime {
        self.made_at
    }

    /// Signs a leaf for `key`: the leaf, then the authority's certificate.
    pub(crate) fn sign(
        &self,
        leaf: &CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<Vec<CertificateDer<'static>>, rcgen::Error> {
        let leaf = leaf.signed_by(key, &self.issuer)?;
        Ok(vec![leaf.into(), self.certificate.clone()])
    }
}

/// The parameters that every certificate of ours starts from: named, with a random serial number and a
/// start that tolerates a clock that is behind.
pub(crate) fn params(
    name: &str,
    now: OffsetDateTime,
    lifetime: Duration,
    entropy: &Entropy,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Watchroom");
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.not_before = now - Duration::seconds(TOLERATED_SKEW_S);
    params.not_after = now + lifetime;
    // Random, positive and of fixed length (RFC 5280, 4.1.2.2): derived from the key, as the library would
    // have it, two certificates of one key would carry one number.
    let [first, rest @ ..] = entropy.bytes::<16>();
    let mut serial = vec![first & 0x7f | 0x40];
    serial.extend_from_slice(&rest);
    params.serial_number = Some(SerialNumber::from(serial));
    params.use_authority_key_identifier_extension = true;
    params
}

/// A key, and the content of the `.key` file for it.
fn make(
    title: Title,
    module: Option<&SecurityModule>,
    ambient: &Ambient,
) -> Result<(KeyToBe, Zeroizing<Vec<u8>>), KeyFileError> {
    let key = KeyToBe::make(&title.name, module, &ambient.entropy)?;
    let mut params = params(&title.name, ambient.now(), LIFETIME, &ambient.entropy);
    params.subject_alt_names = title.names;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&*key)?;
    let pem = key.to_file();
    let mut content = Zeroizing::new(Vec::with_capacity(pem.len() * 8));
    content.extend_from_slice(pem.as_bytes());
    content.extend_from_slice(certificate.pem().as_bytes());
    Ok((key, content))
}
