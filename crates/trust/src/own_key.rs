//! The key of an authority or of the panel's certificate: held by this program, or in a security module apart.

use std::ops::Deref;
use std::path::Path;

use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use watchroom_kit::Entropy;
use zeroize::Zeroizing;

use crate::keyfile::{self, KeyFileError};
use crate::security_module::{ModuleError, ModuleKey, Reference, SecurityModule};

/// What signs.
pub(crate) enum OwnKey {
    /// In the memory of this program, and on its disk.
    Held(KeyPair),
    /// In a module; here is its name alone.
    Apart(ModuleKey),
}

/// A key that may not come into use: where that fails, one that was made for it leaves the module again.
pub(crate) struct KeyToBe {
    key: OwnKey,
    is_to_stay: bool,
}

impl KeyToBe {
    /// Makes one (ECDSA P-256): in the module if there is one for new keys, under a label for people.
    pub(crate) fn make(
        label: &str,
        module: Option<&SecurityModule>,
        entropy: &Entropy,
    ) -> Result<Self, KeyFileError> {
        Ok(Self {
            key: match SecurityModule::for_new_keys(module) {
                Some(module) => OwnKey::Apart(module.make(label, entropy)?),
                None => OwnKey::Held(KeyPair::generate()?),
            },
            is_to_stay: false,
        })
    }

    /// One that is in use already, or leaves nothing behind.
    pub(crate) const fn there(key: OwnKey) -> Self {
        Self {
            key,
            is_to_stay: true,
        }
    }

    /// It is in use.
    pub(crate) fn stays(mut self) {
        self.is_to_stay = true;
    }

    /// It is in use if this file holds it, or may: writing one can fail when it is there already.
    pub(crate) fn stays_if_in(mut self, path: &Path) {
        let text = self.key.to_file();
        self.is_to_stay |= keyfile::read_key(path).map_or(true, |content| {
            content.is_some_and(|content| content.starts_with(text.as_bytes()))
        });
    }
}

impl Deref for KeyToBe {
    type Target = OwnKey;

    fn deref(&self) -> &OwnKey {
        &self.key
    }
}

impl Drop for KeyToBe {
    fn drop(&mut self) {
        if !self.is_to_stay {
            self.key.remove();
        }
    }
}

impl OwnKey {
    /// Removes one that nobody has used from the module, if it is in one.
    pub(crate) fn remove(&self) {
        if let Self::Apart(key) = self {
            key.remove();
        }
    }

    /// Has it sign once, if it is in a module: the label of the token in which it is.
    pub(crate) fn prove(&self) -> Result<Option<String>, ModuleError> {
        match self {
            Self::Held(_) => Ok(None),
            Self::Apart(key) => key.prove().map(|()| Some(key.token().to_owned())),
        }
    }

    /// The one in the text of a key file: in PEM, or by its name.
    pub(crate) fn of_file(
        path: &Path,
        content: &[u8],
        module: Option<&SecurityModule>,
    ) -> Result<Self, KeyFileError> {
        match Reference::find(content)? {
            Some(reference) => Ok(Self::Apart(named(&reference, module)?)),
            None => Ok(Self::Held(KeyPair::try_from(&keyfile::private_key(
                path, content,
            )?)?)),
        }
    }

    /// The one in what was sealed: PKCS#8 in DER, or its name. `Ok(Err)` says why it is neither.
    pub(crate) fn of_sealed(
        content: &[u8],
        module: Option<&SecurityModule>,
    ) -> Result<Result<Self, String>, ModuleError> {
        if let Some(reference) = Reference::find(content)? {
            return named(&reference, module).map(|key| Ok(Self::Apart(key)));
        }
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(content));
        let pair = KeyPair::try_from(&der).map_err(|error| error.to_string());
        Ok(pair.map(Self::Held))
    }

    /// What is sealed: see [`OwnKey::of_sealed`].
    pub(crate) fn to_sealed(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Held(pair) => pair.serialize_der(),
            Self::Apart(key) => key.reference().to_string().into_bytes(),
        })
    }

    /// What lies in a key file: see [`OwnKey::of_file`].
    pub(crate) fn to_file(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Held(pair) => pair.serialize_pem(),
            Self::Apart(key) => format!("{}\n", key.reference()),
        })
    }
}

/// The key of this name in the module that is configured.
pub(crate) fn named(
    reference: &Reference,
    module: Option<&SecurityModule>,
) -> Result<ModuleKey, ModuleError> {
    let module = module.ok_or_else(|| ModuleError::NotConfigured {
        reference: reference.to_string(),
    })?;
    module.find(reference)
}

impl PublicKeyData for OwnKey {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::Held(pair) => pair.der_bytes(),
            Self::Apart(key) => key.der_bytes(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self {
            Self::Held(pair) => PublicKeyData::algorithm(pair),
            Self::Apart(key) => PublicKeyData::algorithm(key),
        }
    }
}

impl SigningKey for OwnKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::Held(pair) => pair.sign(message),
            Self::Apart(key) => SigningKey::sign(key, message),
        }
    }
}
