//! Loads the panel's certificate, and makes one where that is ours to do.

use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256};
use rustls::sign::CertifiedKey;
use time::Duration;
use watchroom_kit::Ambient;
use zeroize::Zeroizing;

use super::pair::Pair;
use super::{PanelError, PanelKeyKind, PanelSettings, PanelVerdict};
use crate::authority::{Authority, params};
use crate::keyfile::{self, KeyFileError};
use crate::own_key::{KeyToBe, OwnKey, named};
use crate::security_module::Reference;
use crate::{CertificateReport, ModuleError, report};

/// How long a certificate of ours lasts.
const LIFETIME: Duration = Duration::days(365);
/// What its key is called in a security module.
const LABEL: &str = "Watchroom panel";

/// The pair as it can be served, and what is wrong with it all the same.
struct Loaded {
    certified: CertifiedKey,
    problems: Vec<String>,
    /// Why it should be made again if it is ours.
    stale: Option<String>,
}

pub(super) fn load(
    pair: &Pair,
    authority: &Authority,
    settings: &PanelSettings,
    ambient: &Ambient,
) -> Result<(CertifiedKey, PanelVerdict), PanelError> {
    let verdict = if pair.is_missing() {
        PanelVerdict::Made
    } else {
        let is_ours = pair.is_ours()?;
        match (read(pair, authority, settings, ambient), is_ours) {
            (
                Ok(Loaded {
                    certified,
                    stale: None,
                    ..
                }),
                true,
            ) => return Ok((certified, PanelVerdict::Kept)),
            (
                Ok(Loaded {
                    certified, problems, ..
                }),
                false,
            ) => {
                return Ok((certified, PanelVerdict::Given { problems }));
            }
            (Ok(Loaded { stale: Some(why), .. }) | Err(why), true) => PanelVerdict::Remade { why },
            (Err(why), false) => {
                return Err(PanelError::GivenUnusable {
                    path: pair.certificate.clone(),
                    why,
                });
            }
        }
    };
    make(pair, authority, settings, ambient)?;
    let made = read(pair, authority, settings, ambient).map_err(|why| KeyFileError::Unreadable {
        path: pair.certificate.clone(),
        what: "certificate",
        why,
    })?;
    Ok((made.certified, verdict))
}

/// Ours is made again in its last day: it is looked at several times in one, and nobody meets an expired one.
const RENEWED_BEFORE: Duration = Duration::days(1);

fn read(
    pair: &Pair,
    authority: &Authority,
    settings: &PanelSettings,
    ambient: &Ambient,
) -> Result<Loaded, String> {
    let path = &pair.certificate;
    let pem = keyfile::read(path).map_err(|error| error.to_string())?;
    let pem = pem.ok_or_else(|| format!("{} is missing", path.display()))?;
    let chain = keyfile::certificates(path, &pem).map_err(|error| error.to_string())?;
    let leaf = chain
        .first()
        .ok_or_else(|| format!("{} is empty", path.display()))?;
    let now = ambient.now();
    let report = CertificateReport::of(leaf, now)?;
    let missing = settings.names.missing_from(&report::covered(leaf)?);
    let stale = if now + RENEWED_BEFORE > report.not_after {
        Some(format!("it expires at {}", report.not_after))
    } else if !missing.is_empty() {
        Some(format!("it does not cover {}", missing.join(", ")))
    } else if chain.get(1) != Some(authority.certificate()) {
        Some("it was signed by another panel CA".to_owned())
    } else {
        misplaced(pair, settings)?
    };
    let certified = report::certified(path, chain, &pair.key, settings.module.as_ref())?;
    Ok(Loaded {
        certified,
        problems: report.problems,
        stale,
    })
}

/// Why a key of ours is not where it is to be, if it is not.
fn misplaced(pair: &Pair, settings: &PanelSettings) -> Result<Option<String>, String> {
    let is_apart = apart(pair).map_err(|error| error.to_string())?.is_some();
    let why = match is_apart {
        false if settings.makes_apart() => "its key is to be in the security module",
        true if !settings.is_key_apart => "its key is to be in the security module no more",
        _ => return Ok(None),
    };
    Ok(Some(why.to_owned()))
}

/// Makes a pair and puts it in place of what is ours or missing.
pub(super) fn make(
    pair: &Pair,
    authority: &Authority,
    settings: &PanelSettings,
    ambient: &Ambient,
) -> Result<(), PanelError> {
    let found = pair.seen();
    let own = key(pair, settings, ambient)?;
    let (chain, key) = fresh(&own, authority, settings, ambient)?;
    // Making a key takes a while, in which an administrator may have put theirs there, or the first of both files.
    if pair.seen() != found || !pair.is_missing() && !pair.is_ours()? {
        return Err(PanelError::GivenStays {
            path: pair.certificate.clone(),
        });
    }
    let replaced = pair.replace(&chain, &key, ambient.now().unix_timestamp());
    own.stays_if_in(&pair.key);
    Ok(replaced?)
}

/// The key for a new certificate: one in a security module stays, since it cannot have been seen, and modules are small.
fn key(pair: &Pair, settings: &PanelSettings, ambient: &Ambient) -> Result<KeyToBe, KeyFileError> {
    let module = settings.module.as_ref();
    if settings.is_key_apart
        && let Some(present) = apart(pair)?
    {
        match named(&present, module) {
            Ok(present) => return Ok(KeyToBe::there(OwnKey::Apart(present))),
            // It is lost, and browsers trust the authority: another one does as well.
            Err(ModuleError::NoKey { .. }) if settings.makes_apart() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if settings.makes_apart() {
        return KeyToBe::make(LABEL, module, &ambient.entropy);
    }
    match settings.key_kind {
        PanelKeyKind::Rsa2048 => Ok(KeyToBe::there(OwnKey::Held(KeyPair::generate_for(
            &PKCS_RSA_SHA256,
        )?))),
        PanelKeyKind::EcdsaP256 => KeyToBe::make(LABEL, None, &ambient.entropy),
    }
}

/// The name of the present key, if that is in a security module.
fn apart(pair: &Pair) -> Result<Option<Reference>, KeyFileError> {
    let present = keyfile::read_key(&pair.key)?;
    let found = present.map(|content| Reference::find(&content)).transpose()?;
    Ok(found.flatten())
}

/// A chain for a key, and what lies in the key's file.
fn fresh(
    key: &OwnKey,
    authority: &Authority,
    settings: &PanelSettings,
    ambient: &Ambient,
) -> Result<(String, Zeroizing<String>), KeyFileError> {
    let name = settings
        .names
        .hosts
        .iter()
        .find(|host| *host != "localhost")
        .map_or("localhost", String::as_str);
    // A common name has at most 64 characters (RFC 5280, A.1); the names that count are the alternative ones.
    let name: String = name.chars().take(64).collect();
    let mut leaf = params(&name, ambient.now(), LIFETIME, &ambient.entropy);
    leaf.subject_alt_names = settings.names.alternative_names()?;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let chain = authority.sign(&leaf, key)?;
    let chain = chain.iter().map(|certificate| pem(certificate)).collect();
    Ok((chain, key.to_file()))
}

/// A certificate in PEM form (RFC 7468).
fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use time::macros::datetime;
    use watchroom_kit::{Clock, Entropy, Tasks};

    use super::super::PanelCertificate;
    use super::*;
    use crate::LocalNames;

    fn panel(state: &Path) -> PanelCertificate {
        let ambient = Ambient {
            clock: Clock::manual(datetime!(2026-03-01 12:00 UTC)),
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        let settings = PanelSettings::new(PanelKeyKind::EcdsaP256, LocalNames::loopback());
        PanelCertificate::open_or_make(state, settings, &ambient)
            .unwrap()
            .0
    }

    #[test]
    fn a_pair_that_an_administrator_put_there_while_ours_was_made_stays() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (panel, other) = (panel(ours.path()), panel(theirs.path()));
        fs::copy(&other.pair.certificate, &panel.pair.certificate).unwrap();
        fs::copy(&other.pair.key, &panel.pair.key).unwrap();
        let put = |panel: &PanelCertificate| (fs::read(&panel.pair.certificate), fs::read(&panel.pair.key));

        let made = make(&panel.pair, &panel.authority, &panel.settings(), &panel.ambient);
        assert!(matches!(made, Err(PanelError::GivenStays { .. })), "{made:?}");
        let (certificate, key) = put(&panel);
        let (given, given_key) = put(&other);
        assert_eq!(certificate.unwrap(), given.unwrap());
        assert_eq!(key.unwrap(), given_key.unwrap());
    }
}
