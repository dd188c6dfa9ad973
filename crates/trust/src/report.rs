//! What is in a certificate and what is wrong with it: the answer of `watchroom tls info` and `tls verify`.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use crate::keyfile::{self, KeyFileError};
use crate::own_key::named;
use crate::security_module::Reference;
use crate::{Fingerprint, LocalNames, SecurityModule, provider};

/// Days before the end at which a warning is due.
const WARN_AT_DAYS: [i64; 3] = [3, 14, 30];

/// Whether a certificate can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is wrong.
    Good,
    /// It works, and something should be done.
    Warning,
    /// Clients refuse it, or will not reach the machine with it.
    Bad,
}

/// What a certificate says, and what is wrong with it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateReport {
    /// Who signed it.
    pub issuer: String,
    /// Whom it names.
    pub subject: String,
    /// From when it is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Until when it is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The names and addresses it covers.
    pub names: Vec<String>,
    /// The SHA-256 of its DER form.
    pub fingerprint_sha256: Fingerprint,
    /// Whether the key beside it belongs to it.
    pub key_matches: bool,
    /// Whole days until it ends; negative once it has.
    pub days_left: i64,
    /// Whether Watchroom made it, and so may make it again.
    pub made_by_us: bool,
    /// The worst of the problems.
    pub verdict: Verdict,
    /// What is wrong, each with the next step.
    pub problems: Vec<String>,
}

impl CertificateReport {
    /// Reports on a certificate and key on disk, whoever made them.
    ///
    /// # Errors
    /// [`KeyFileError`] if there is no certificate to report on; a bad key is a problem in the report.
    pub fn read(
        certificate: &Path,
        key: &Path,
        module: Option<&SecurityModule>,
        now: OffsetDateTime,
    ) -> Result<Self, KeyFileError> {
        let pem = keyfile::read(certificate)?.ok_or_else(|| KeyFileError::Io {
            path: certificate.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let chain = keyfile::certificates(certificate, &pem)?;
        let leaf = chain
            .first()
            .cloned()
            .unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let mut report = Self::of(&leaf, now).map_err(|why| KeyFileError::Unreadable {
            path: certificate.to_owned(),
            what: "certificate",
            why,
        })?;
        if let Err(why) = certified(certificate, chain, key, module) {
            report.key_matches = false;
            report.add(Verdict::Bad, why);
        }
        Ok(report)
    }

    /// Reports on a certificate alone, as if its key were beside it.
    pub(crate) fn of(leaf: &CertificateDer<'_>, now: OffsetDateTime) -> Result<Self, String> {
        let parsed = parse(leaf)?;
        let time = |at: x509_parser::time::ASN1Time| {
            OffsetDateTime::from_unix_timestamp(at.timestamp()).map_err(|error| error.to_string())
        };
        let not_before = time(parsed.validity().not_before)?;
        let not_after = time(parsed.validity().not_after)?;
        let covered = covered(leaf)?;
        let mut names: Vec<String> = covered.hosts.into_iter().collect();
        names.extend(covered.addresses.iter().map(IpAddr::to_string));
        let mut report = Self {
            issuer: parsed.issuer().to_string(),
            subject: parsed.subject().to_string(),
            not_before,
            not_after,
            names,
            fingerprint_sha256: Fingerprint::of(leaf),
            key_matches: true,
            days_left: (not_after - now).whole_days(),
            made_by_us: false,
            verdict: Verdict::Good,
            problems: Vec::new(),
        };
        report.judge_time(now);
        if report.names.is_empty() {
            report.add(
                Verdict::Bad,
                "it covers no name or address, so no browser takes it; have it issued anew".to_owned(),
            );
        }
        Ok(report)
    }

    /// The fewest days of which it already has fewer left, of 3, 14 and 30: it is warned of at each.
    #[must_use]
    pub fn warned_at(&self) -> Option<i64> {
        WARN_AT_DAYS.into_iter().find(|limit| self.days_left < *limit)
    }

    fn judge_time(&mut self, now: OffsetDateTime) {
        if now > self.not_after {
            self.add(
                Verdict::Bad,
                format!("it expired at {}; renew it", self.not_after),
            );
        } else if now < self.not_before {
            let why = format!(
                "it is valid only from {}; check the clock of this machine",
                self.not_before
            );
            self.add(Verdict::Bad, why);
        } else if let Some(limit) = self.warned_at() {
            let left = self.days_left;
            self.add(
                Verdict::Warning,
                format!("it ends in {left} days (fewer than {limit}); renew it"),
            );
        }
    }

    pub(crate) fn add(&mut self, verdict: Verdict, problem: String) {
        self.verdict = self.verdict.max(verdict);
        self.problems.push(problem);
    }
}

/// The pair as rustls takes it, or why it cannot.
pub(crate) fn certified(
    certificate: &Path,
    chain: Vec<CertificateDer<'static>>,
    key: &Path,
    module: Option<&SecurityModule>,
) -> Result<CertifiedKey, String> {
    let pem = keyfile::read_key(key).map_err(|error| error.to_string())?;
    let pem = pem.ok_or_else(|| format!("its key {} is missing; put it there", key.display()))?;
    let pair = match Reference::find(&pem).map_err(|error| error.to_string())? {
        Some(reference) => {
            let named = named(&reference, module).map_err(|error| error.to_string())?;
            let pair = CertifiedKey::new(chain, Arc::new(named));
            pair.keys_match().map(|()| pair)
        }
        None => {
            let der = keyfile::private_key(key, &pem).map_err(|error| error.to_string())?;
            CertifiedKey::from_der(chain, der, &provider::provider())
        }
    };
    pair.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            format!(
                "the key {} does not belong to {}; put the matching pair there",
                key.display(),
                certificate.display()
            )
        }
        other => format!("the key {} is of no usable kind: {other}", key.display()),
    })
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    x509_parser::parse_x509_certificate(der)
        .map(|(_, parsed)| parsed)
        .map_err(|error| error.to_string())
}

/// The subject alternative names of a certificate; none if it has no such extension.
pub(crate) fn alternative_names(der: &[u8]) -> Result<Vec<GeneralName<'_>>, String> {
    let parsed = parse(der)?;
    let extension = parsed
        .subject_alternative_name()
        .map_err(|error: X509Error| error.to_string())?;
    Ok(extension
        .map(|extension| extension.value.general_names.clone())
        .unwrap_or_default())
}

/// The host names and addresses that a certificate covers.
pub(crate) fn covered(der: &[u8]) -> Result<LocalNames, String> {
    let mut names = LocalNames::default();
    for name in alternative_names(der)? {
        match name {
            GeneralName::DNSName(host) => {
                names.hosts.insert(host.to_ascii_lowercase());
            }
            GeneralName::IPAddress(octets) => {
                let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
                if let Ok(address) = v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)) {
                    names.addresses.insert(address);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
