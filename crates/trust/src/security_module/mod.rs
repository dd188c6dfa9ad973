//! A security module apart from this program (an HSM, a TPM, a smart card), reached by PKCS #11 (OASIS, 2.40 and later):
//! keys are made in it and sign in it, and never leave it.
//!
//! Keys are ECDSA P-256, which all kinds of modules know. One thread has to do with the module ([`desk`]), in one session,
//! which is opened again where it has ended ([`token`]). A PIN that was refused is shown no second time, after a restart
//! neither ([`tries`]): after a few, tokens lock themselves for good.

mod asn1;
mod desk;
mod error;
mod key;
mod reference;
mod token;
mod tries;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use watchroom_kit::{Clock, Entropy};

use desk::Desk;
pub use error::ModuleError;
pub(crate) use key::ModuleKey;
pub(crate) use reference::Reference;
use token::Token;

/// Bytes of an id that we give.
const ID: usize = 16;
/// How long is waited for a signature: a browser waits no longer for a handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long is waited for a key to be made, or the token to be opened: smart cards take seconds.
const LONG_PATIENCE: Duration = Duration::from_secs(30);

/// Which token of which module, and what opens it.
#[derive(Clone, Debug)]
pub struct ModuleSettings {
    /// The PKCS #11 library by which the module is reached: a file that nobody but root and we can change, by its folders neither.
    pub library: PathBuf,
    /// The label of the token in it.
    pub token: String,
    /// The file with the PIN of its user. It is read whenever the token is opened, and not kept.
    pub pin_file: PathBuf,
    /// Whether new keys are made there; without, those that are there are used on.
    pub makes_keys: bool,
}

/// A token. Clones share it.
#[derive(Clone)]
pub struct SecurityModule(Arc<Inner>);

struct Inner {
    token: String,
    makes_keys: bool,
    desk: Desk<Token>,
    /// The points of the public keys that have signed since the program began, by their ids.
    known: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl std::fmt::Debug for SecurityModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecurityModule")
            .field("token", &self.0.token)
            .finish_non_exhaustive()
    }
}

impl SecurityModule {
    /// Names a token, which is opened when it is first used. How often its PIN was shown in vain is remembered in this state
    /// folder.
    ///
    /// # Errors
    /// [`ModuleError::Failed`] if there is no thread to be had for it.
    pub fn new(settings: ModuleSettings, state: &Path, clock: &Clock) -> Result<Self, ModuleError> {
        let (token, makes_keys) = (settings.token.clone(), settings.makes_keys);
        let (state, clock) = (state.to_owned(), clock.clone());
        Ok(Self(Arc::new(Inner {
            token,
            makes_keys,
            desk: Desk::start(move || Token::new(settings, &state, &clock))?,
            known: Mutex::default(),
        })))
    }

    /// Opens it now.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn open(&self) -> Result<(), ModuleError> {
        self.0.desk.ask(LONG_PATIENCE, Token::open)
    }

    /// The label of the token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// The one in which new keys are to be made, if they are.
    pub(crate) fn for_new_keys(module: Option<&Self>) -> Option<&Self> {
        module.filter(|module| module.0.makes_keys)
    }

    /// Makes a key that signs, under a label for people.
    pub(crate) fn make(&self, label: &str, entropy: &Entropy) -> Result<ModuleKey, ModuleError> {
        let reference = Reference::new(entropy.bytes::<ID>().to_vec());
        let (label, named) = (label.to_owned(), reference.clone());
        let made = self
            .0
            .desk
            .ask(LONG_PATIENCE, move |token| token.make(&label, &named));
        let found = made.and_then(|()| self.find(&reference));
        if found.is_err() {
            self.remove(&reference);
        }
        found
    }

    /// Removes a key that nobody has used. Where that fails it stays, and a person is told so.
    pub(crate) fn remove(&self, reference: &Reference) {
        let named = reference.clone();
        self.known().remove(reference.id());
        let removed = self.0.desk.ask(LONG_PATIENCE, move |token| token.remove(&named));
        if let Err(error) = removed {
            tracing::warn!(%error, key = %reference, "a key that nobody uses may be left in the security module");
        }
    }

    /// The key of this name. It has signed once since the program began, so that one which cannot is known before it is
    /// needed.
    pub(crate) fn find(&self, reference: &Reference) -> Result<ModuleKey, ModuleError> {
        let unusable = |why| self.no_key(reference, why);
        if !reference.is_in(self.token()) {
            return Err(unusable("its name is of another token"));
        }
        let key = |point| ModuleKey::new(self.clone(), reference.clone(), point);
        let known = self.known().get(reference.id()).cloned();
        if let Some(point) = known {
            return Ok(key(point));
        }
        let named = reference.clone();
        let attribute = self.0.desk.ask(PATIENCE, move |token| token.point(&named))?;
        let attribute = attribute.ok_or_else(|| unusable("there is no public key of this id"))?;
        let point = asn1::point(&attribute).ok_or_else(|| unusable("it is not on the curve P-256"))?;
        let key = key(point.clone());
        key.prove()?;
        self.known().insert(reference.id().to_vec(), point);
        Ok(key)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_key(&self, reference: &Reference, why: &'static str) -> ModuleError {
        ModuleError::NoKey {
            token: self.token().to_owned(),
            reference: reference.to_string(),
            why,
        }
    }

    /// Signs a SHA-256 by the key of this name: `ECDSA-Sig-Value` in DER.
    fn sign(&self, reference: &Reference, digest: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let (named, digest) = (reference.clone(), digest.to_vec());
        let numbers = self
            .0
            .desk
            .ask(PATIENCE, move |token| token.sign(&named, &digest))?;
        let numbers = numbers.ok_or_else(|| self.no_key(reference, "there is no private key of this id"))?;
        asn1::signature(&numbers)
            .ok_or_else(|| ModuleError::Failed("what it gave is no signature of P-256".to_owned()))
    }
}
