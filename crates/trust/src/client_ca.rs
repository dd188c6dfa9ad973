//! The authorities by whose certificates people may have to prove themselves (`tls.client_ca`).
//!
//! The handshake asks for a certificate and takes any whose key the client has: a TLS alert could not say what is wrong with
//! one, and most of what people ask for needs none. Who signed it, and whether it holds, is judged when something is asked for
//! that does need one, by the authorities that are in the file then.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use watchroom_kit::Clock;

use crate::chain;
use crate::keyfile;
use crate::provider::provider;
use crate::report::CertificateReport;

/// Days before the end of an authority at which something should be done.
const WARNED_DAYS: i64 = 30;
/// Most authorities of one file; each is tried in turn.
const MOST: usize = 16;

/// Why a certificate that somebody has shown does not prove them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// None was shown.
    Missing,
    /// Another authority has signed it.
    AnotherAuthority,
    /// It has expired.
    Expired,
    /// It holds only later.
    NotYet,
    /// It was not made for clients.
    NotForClients,
    /// The authority that has signed it has expired.
    AuthorityExpired,
    /// It cannot be used for another reason.
    Unusable,
    /// There is no authority to judge it by: the file cannot be read.
    NoAuthority,
}

/// Why the file of authorities cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientCaError {
    /// The system refused.
    #[error("cannot read {}: {why}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Others than its owner may write it, and so let anybody in.
    #[error("{} can be changed by other users; run: chmod go-w {}", path.display(), path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{} holds no usable authority: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
}

/// One authority, and how long it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCaReport {
    /// What it is called.
    pub subject: String,
    /// Until when it holds.
    pub not_after: OffsetDateTime,
    /// It has expired, or is not valid yet: nobody it has signed is let in.
    pub is_over: bool,
    /// It ends within a month.
    pub ends_soon: bool,
}

/// The file as the system shows it, to notice that somebody put another there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCaSeen(Option<(u64, u64, u64, i64, i64)>);

/// The authorities in force. Each connection is asked by those in force at its hello, each request judged by those in force then.
#[derive(Debug)]
pub struct ClientCa {
    path: PathBuf,
    clock: Clock,
    held: ArcSwap<Held>,
}

/// What was read, or why nothing was.
#[derive(Debug)]
struct Held {
    authorities: Vec<Authority>,
    trouble: Option<ClientCaError>,
}

#[derive(Clone, Debug)]
struct Authority {
    subject: String,
    name: DistinguishedName,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCa {
    /// Those of a PEM file. If it cannot be used nobody is proven until it can: see [`ClientCa::trouble`].
    #[must_use]
    pub fn open(path: &Path, clock: &Clock) -> Self {
        let held = match read(path) {
            Ok(authorities) => Held {
                authorities,
                trouble: None,
            },
            Err(error) => Held {
                authorities: Vec::new(),
                trouble: Some(error),
            },
        };
        Self {
            path: path.to_owned(),
            clock: clock.clone(),
            held: ArcSwap::from_pointee(held),
        }
    }

    /// Reads the file again. If it cannot be used, the authorities before stay in force.
    ///
    /// # Errors
    /// [`ClientCaError`].
    pub fn reload(&self) -> Result<(), ClientCaError> {
        let read = read(&self.path);
        if let Err(error) = &read {
            let trouble = Some(error.clone());
            let authorities = self.held.load().authorities.clone();
            self.held.store(Arc::new(Held { authorities, trouble }));
        }
        let authorities = read?;
        self.held.store(Arc::new(Held {
            authorities,
            trouble: None,
        }));
        Ok(())
    }

    /// What the system says of the file.
    #[must_use]
    pub fn seen(&self) -> ClientCaSeen {
        let found = fs::metadata(&self.path).ok();
        ClientCaSeen(found.map(|found| {
            (
                found.dev(),
                found.ino(),
                found.size(),
                found.mtime(),
                found.mtime_nsec(),
            )
        }))
    }

    /// What was wrong with the file when it was read last.
    #[must_use]
    pub fn trouble(&self) -> Option<ClientCaError> {
        self.held.load().trouble.clone()
    }

    /// The authorities in force.
    #[must_use]
    pub fn report(&self) -> Vec<ClientCaReport> {
        let now = self.clock.now();
        let held = self.held.load();
        let report = |authority: &Authority| ClientCaReport {
            subject: authority.subject.clone(),
            not_after: authority.not_after,
            is_over: !authority.holds_at(now),
            ends_soon: (authority.not_after - now).whole_days() < WARNED_DAYS,
        };
        held.authorities.iter().map(report).collect()
    }

    /// Whether certificates that somebody has shown, their own first, prove them now. That they have the key of the first
    /// the handshake has proven.
    ///
    /// # Errors
    /// [`Unproven`], the reason that helps most.
    pub fn judge(&self, shown: &[CertificateDer<'_>]) -> Result<(), Unproven> {
        let held = self.held.load();
        if held.authorities.is_empty() {
            return Err(Unproven::NoAuthority);
        }
        let (leaf, others) = shown.split_first().ok_or(Unproven::Missing)?;
        chain::check(leaf, others).map_err(|_| Unproven::Unusable)?;
        let now = self.clock.now();
        let seconds = u64::try_from(now.unix_timestamp()).map_err(|_| Unproven::Unusable)?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let mut why = Unproven::AnotherAuthority;
        for authority in &held.authorities {
            match authority.verifier.verify_client_cert(leaf, others, at) {
                // The library takes an authority for what was put there, however old it is.
                Ok(_) if authority.holds_at(now) => return Ok(()),
                Ok(_) => why = Unproven::AuthorityExpired,
                Err(error) => match reason(&error) {
                    Unproven::AnotherAuthority => {}
                    other => why = other,
                },
            }
        }
        Err(why)
    }

    /// How the handshake asks for a certificate: with the names of the authorities in force now, so that a browser offers
    /// only those that may help.
    pub(crate) fn asking(&self) -> Arc<dyn ClientCertVerifier> {
        let held = self.held.load();
        Arc::new(Asking {
            names: held
                .authorities
                .iter()
                .map(|authority| authority.name.clone())
                .collect(),
            algorithms: provider().signature_verification_algorithms,
        })
    }
}

impl Authority {
    fn holds_at(&self, now: OffsetDateTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    fn of(certificate: CertificateDer<'static>) -> Result<Self, String> {
        let report = CertificateReport::of(&certificate, OffsetDateTime::UNIX_EPOCH)?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).map_err(|error| error.to_string())?;
        let name = roots.subjects().pop().ok_or("it has no name")?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Self {
            subject: report.subject,
            name,
            not_before: report.not_before,
            not_after: report.not_after,
            verifier: verifier.map_err(|error| error.to_string())?,
        })
    }
}

fn reason(error: &Error) -> Unproven {
    let Error::InvalidCertificate(error) = error else {
        return Unproven::Unusable;
    };
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Unproven::AnotherAuthority,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Unproven::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Unproven::NotYet,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Unproven::NotForClients
        }
        _ => Unproven::Unusable,
    }
}

fn read(path: &Path) -> Result<Vec<Authority>, ClientCaError> {
    let unread = |error: io::Error| ClientCaError::Unread {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let unusable = |why: String| ClientCaError::Unusable {
        path: path.to_owned(),
        why,
    };
    if fs::metadata(path).map_err(unread)?.permissions().mode() & 0o022 != 0 {
        return Err(ClientCaError::TooOpen {
            path: path.to_owned(),
        });
    }
    let pem = fs::read(path).map_err(unread)?;
    let certificates = keyfile::certificates(path, &pem).map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() || certificates.len() > MOST {
        let found = certificates.len();
        return Err(unusable(format!(
            "it has {found} certificates; put in 1 to {MOST}"
        )));
    }
    certificates
        .into_iter()
        .map(|one| Authority::of(one).map_err(unusable))
        .collect()
}

/// Takes every certificate whose key the client has.
#[derive(Debug)]
struct Asking {
    names: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Asking {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        chain::check(end_entity, intermediates)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_handshake_keeps_more_certificates_than_a_chain_has() {
        let asking = Asking {
            names: Vec::new(),
            algorithms: provider().signature_verification_algorithms,
        };
        let one = CertificateDer::from(vec![0; 300]);
        let now = UnixTime::since_unix_epoch(Duration::ZERO);
        let verify = |others| asking.verify_client_cert(&one, &vec![one.clone(); others], now);
        assert!(verify(4).is_ok());
        assert!(verify(5).is_err());
    }
}
