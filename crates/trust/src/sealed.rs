//! The cluster's secret, and under its seal the keys of the cluster CAs: as they may lie in a database.
//!
//! The secret is made by the first Host, lies in `<state>/keys/cluster.secret` of every replica, and in no database.
//! A key is sealed by AES-256-GCM (NIST SP 800-38D) under it, with a nonce by chance, and bound to the certificate that it
//! belongs to: whoever copies the database can issue nothing, and whoever writes to it can swap no key.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use watchroom_kit::{Entropy, ExposeSecret, SecretString, files};
use zeroize::Zeroizing;

use crate::keyfile::{self, KeyFileError};
use crate::{Fingerprint, ModuleError};

/// How the secret's text begins.
const PREFIX: &str = "wr_cluster_";
/// Stands before the certificate in what a sealed key is bound to.
const CONTEXT: &[u8] = b"watchroom cluster ca 1\n";
pub(crate) const FILE: &str = "cluster.secret";

/// What seals the keys of the cluster CAs: 32 bytes by chance.
#[derive(Clone)]
pub struct ClusterSecret(Zeroizing<[u8; 32]>);

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(..)")
    }
}

/// One cluster CA as replicas share it: its certificate, and its key under the cluster's seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedCa {
    /// The certificate in base64 of its DER form.
    certificate: String,
    /// Nonce, key (PKCS#8 in DER, or its name in a security module) and tag in base64.
    sealed_key: String,
    /// The SHA-256 of the CA whose place it took; none for the first.
    pub replaces: Option<Fingerprint>,
}

/// Why a sealed CA cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// It is sealed under another secret, or was changed.
    #[error("the cluster CA {0} is sealed under another secret than this machine has, or was changed")]
    AnotherSecret(Fingerprint),
    /// What is sealed is no CA.
    #[error("what the database keeps as a cluster CA is none ({0}); restore the database from a backup")]
    NotACa(String),
    /// Its key is in a security module that does not do its part.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// There is no CA among them that signs.
    #[error("the cluster CAs in the database do not follow each other; restore the database from a backup")]
    NoneSigns,
    /// They are not all of one cluster, or of another one than before.
    #[error("the cluster CAs in the database are of another cluster; point this Host at its own database")]
    AnotherCluster,
}

impl ClusterSecret {
    /// A new one. It seals nothing yet, and is on no disk.
    #[must_use]
    pub fn by_chance(entropy: &Entropy) -> Self {
        Self(Zeroizing::new(entropy.bytes::<32>()))
    }

    /// The secret from its text; `None` if that is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let encoded = text.trim().strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice())
            .ok()
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Its text (`wr_cluster_...`), for a person to carry to another Host.
    #[must_use]
    pub fn text(&self) -> SecretString {
        SecretString::from(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(self.0.as_slice())))
    }

    /// Where it lies below the state folder.
    #[must_use]
    pub fn path(state: &Path) -> PathBuf {
        state.join("keys").join(FILE)
    }

    /// The one of this machine; `None` if it has none.
    ///
    /// # Errors
    /// If the file holds something else, or others could read it.
    pub fn open(state: &Path) -> Result<Option<Self>, KeyFileError> {
        Self::read(state, FILE)
    }

    /// Keeps it on this machine (0600), durably.
    ///
    /// # Errors
    /// What the system said.
    pub fn keep(&self, state: &Path) -> Result<(), KeyFileError> {
        self.write(state, FILE)
    }

    /// Removes one from this machine that sealed nothing.
    ///
    /// # Errors
    /// What the system said.
    pub fn forget(state: &Path) -> Result<(), KeyFileError> {
        keyfile::remove(&Self::path(state))
    }

    pub(crate) fn read(state: &Path, name: &str) -> Result<Option<Self>, KeyFileError> {
        let path = keyfile::keys_folder(state)?.join(name);
        let Some(content) = keyfile::read_key(&path)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&content).ok();
        let secret = text
            .and_then(Self::from_text)
            .ok_or_else(|| KeyFileError::Unreadable {
                path,
                what: "cluster secret",
                why: format!("it is not {PREFIX} and 43 characters"),
            });
        secret.map(Some)
    }

    pub(crate) fn write(&self, state: &Path, name: &str) -> Result<(), KeyFileError> {
        let path = keyfile::keys_folder(state)?.join(name);
        let text = Zeroizing::new(format!("{}\n", self.text().expose_secret()));
        keyfile::write(&path, text.as_bytes(), files::PRIVATE_FILE)
    }

    /// A key for one purpose, the same on every replica: HMAC-SHA-256 (RFC 2104) of the purpose under the secret. It
    /// tells nothing of the secret, nor of keys for other purposes.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        context.update(b"watchroom derived key 1\n");
        context.update(purpose.as_bytes());
        let mut derived = [0; 32];
        let tag = context.sign();
        for (to, from) in derived.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        derived
    }

    /// Seals the key of a CA.
    pub(crate) fn seal(
        &self,
        certificate: &CertificateDer<'_>,
        mut key: Zeroizing<Vec<u8>>,
        replaces: Option<Fingerprint>,
        entropy: &Entropy,
    ) -> Result<SealedCa, rcgen::Error> {
        let nonce = entropy.bytes::<NONCE_LEN>();
        let unsealed = rcgen::Error::RingUnspecified;
        let tag = self
            .cipher()
            .ok_or(unsealed.clone())?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                bound_to(certificate),
                &mut key,
            )
            .map_err(|_| unsealed)?;
        let sealed = [&nonce[..], &key, tag.as_ref()].concat();
        Ok(SealedCa {
            certificate: BASE64.encode(certificate),
            sealed_key: BASE64.encode(&sealed),
            replaces,
        })
    }

    /// The certificate and the key of a CA.
    pub(crate) fn unseal(
        &self,
        sealed: &SealedCa,
    ) -> Result<(CertificateDer<'static>, Zeroizing<Vec<u8>>), UnsealError> {
        let decoded = |text: &str| {
            BASE64
                .decode(text.as_bytes())
                .map_err(|error| UnsealError::NotACa(error.to_string()))
        };
        let certificate = CertificateDer::from(decoded(&sealed.certificate)?);
        let another = || UnsealError::AnotherSecret(Fingerprint::of(&certificate));
        let bytes = decoded(&sealed.sealed_key)?;
        let (nonce, content) = bytes.split_at_checked(NONCE_LEN).ok_or_else(another)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| another())?;
        let mut content = Zeroizing::new(content.to_vec());
        let len = self
            .cipher()
            .ok_or_else(another)?
            .open_in_place(nonce, bound_to(&certificate), &mut content)
            .map_err(|_| another())?
            .len();
        content.truncate(len);
        Ok((certificate, content))
    }

    /// The same CA under the seal of another secret.
    ///
    /// # Errors
    /// [`UnsealError`] if it is not under the seal of this one.
    pub fn hand_over(
        &self,
        sealed: &SealedCa,
        to: &Self,
        entropy: &Entropy,
    ) -> Result<SealedCa, UnsealError> {
        let (certificate, key) = self.unseal(sealed)?;
        to.seal(&certificate, key, sealed.replaces, entropy)
            .map_err(|error| UnsealError::NotACa(error.to_string()))
    }

    /// What other keys are derived from.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.0.as_slice())
            .ok()
            .map(LessSafeKey::new)
    }
}

impl SealedCa {
    /// The SHA-256 of its certificate, by which it is known; `None` if there is no certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let certificate = BASE64.decode(self.certificate.as_bytes()).ok()?;
        Some(Fingerprint::of(&certificate))
    }
}

fn bound_to(certificate: &CertificateDer<'_>) -> Aad<Vec<u8>> {
    Aad::from([CONTEXT, certificate].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_opened_by_its_secret_and_beside_its_certificate_alone() {
        let entropy = Entropy::system();
        let secret = ClusterSecret::by_chance(&entropy);
        let certificate = CertificateDer::from(b"certificate".to_vec());
        let key = || Zeroizing::new(b"a private key".to_vec());
        let sealed = secret.seal(&certificate, key(), None, &entropy).unwrap();
        assert_eq!(*secret.unseal(&sealed).unwrap().1, *key());
        let written = serde_json::to_string(&sealed).unwrap();
        assert!(!written.contains(&BASE64.encode(b"a private key")));
        let refused = |secret: &ClusterSecret, sealed: &SealedCa| {
            matches!(
                secret.unseal(sealed),
                Err(UnsealError::AnotherSecret(_) | UnsealError::NotACa(_))
            )
        };
        assert!(refused(&ClusterSecret::by_chance(&entropy), &sealed));
        let moved = SealedCa {
            certificate: BASE64.encode(b"another"),
            ..sealed.clone()
        };
        assert!(refused(&secret, &moved));
        let bytes = BASE64.decode(sealed.sealed_key.as_bytes()).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let changed = SealedCa {
                sealed_key: BASE64.encode(&changed),
                ..sealed.clone()
            };
            assert!(refused(&secret, &changed), "at {place}");
            let cut = SealedCa {
                sealed_key: BASE64.encode(&bytes[..place]),
                ..sealed.clone()
            };
            assert!(refused(&secret, &cut), "cut at {place}");
        }
    }

    #[test]
    fn a_key_that_was_handed_over_opens_by_the_other_secret_alone() {
        let entropy = Entropy::system();
        let [old, new] = [(); 2].map(|()| ClusterSecret::by_chance(&entropy));
        let certificate = CertificateDer::from(b"certificate".to_vec());
        let key = Zeroizing::new(b"a private key".to_vec());
        let before = Some(Fingerprint::of(b"the one before"));
        let sealed = old.seal(&certificate, key.clone(), before, &entropy).unwrap();
        let handed = old.hand_over(&sealed, &new, &entropy).unwrap();
        assert_eq!(new.unseal(&handed).unwrap(), (certificate, key));
        assert_eq!(handed.replaces, before);
        assert!(old.unseal(&handed).is_err());
        assert!(old.hand_over(&handed, &new, &entropy).is_err());
    }

    #[test]
    fn the_secret_is_read_back_from_its_text_and_nothing_else_is_one() {
        let secret = ClusterSecret::by_chance(&Entropy::system());
        let text = secret.text().expose_secret().to_owned();
        let again = ClusterSecret::from_text(&format!("{text}\n")).unwrap();
        assert_eq!(again.0, secret.0);
        for other in ["", "wr_cluster_", &text[..50], &format!("{text}A"), "wr_join_x"] {
            assert!(ClusterSecret::from_text(other).is_none(), "{other}");
        }
        assert_eq!(format!("{secret:?}"), "ClusterSecret(..)");
        assert_eq!(secret.derive("one"), again.derive("one"));
        assert_ne!(secret.derive("one"), secret.derive("other"));
        assert_ne!(secret.derive("one"), *secret.0);
    }
}
