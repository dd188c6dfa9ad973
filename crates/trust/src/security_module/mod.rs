//! A security module apart from this program (an HSM, a TPM, a smart card), reached by PKCS #11 (OASIS, 2.40 and later):
//! keys are made in it and sign in it, and never leave it.
//!
//! Keys are ECDSA P-256, which all kinds of modules know. One session is shared, and one signature made at a time. Where a
//! session has ended, because the token was pulled and put back or its service began anew, another is opened. A PIN that was
//! refused is not tried a second time, after a restart neither: after a few, tokens lock themselves for good.

mod asn1;
mod key;
mod reference;
mod refused;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use watchroom_kit::{Entropy, ExposeSecret, SecretString};

pub(crate) use key::ModuleKey;
pub(crate) use reference::Reference;
use refused::RefusedPin;

/// The name of P-256 as `CKA_EC_PARAMS` wants it: its object identifier (1.2.840.10045.3.1.7) in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// Bytes of an id that we give.
const ID: usize = 16;

/// Which token of which module, and what opens it.
#[derive(Clone, Debug)]
pub struct ModuleSettings {
    /// The PKCS #11 library by which the module is reached.
    pub library: PathBuf,
    /// The label of the token in it.
    pub token: String,
    /// The PIN of its user.
    pub pin: SecretString,
    /// Whether new keys are made there; without, those that are there are used on.
    pub makes_keys: bool,
}

/// Why a security module does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// A key is in a module, and none is configured.
    #[error(
        "the key {reference} is in a security module; name that by keys.module, keys.token and keys.pin_file"
    )]
    NotConfigured {
        /// The key.
        reference: String,
    },
    /// The library is missing, or is none.
    #[error("the PKCS #11 library {} cannot be used: {why}; install it, or correct keys.module", path.display())]
    Library {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No token has the label.
    #[error(
        "the security module has no token \"{token}\" (it has: {found}); put it in, or correct keys.token"
    )]
    NoToken {
        /// The label that was looked for.
        token: String,
        /// Those that are there.
        found: String,
    },
    /// Several tokens have it.
    #[error("the security module has several tokens \"{token}\"; give one of them another label")]
    SeveralTokens {
        /// The label.
        token: String,
    },
    /// The PIN is wrong, or the token is locked.
    #[error(
        "the token \"{token}\" refuses the PIN ({why}); correct keys.pin_file, then start anew. Each wrong try brings a token nearer to locking itself, so the same one is not tried again"
    )]
    Pin {
        /// The token.
        token: String,
        /// What the module said.
        why: String,
    },
    /// There is no such key, or it is of another kind.
    #[error(
        "the token \"{token}\" has no usable key {reference}: {why}; restore the token from its backup, or put the right one in"
    )]
    NoKey {
        /// The token.
        token: String,
        /// The key.
        reference: String,
        /// What was found.
        why: &'static str,
    },
    /// It failed in another way.
    #[error("the security module failed: {0}")]
    Failed(String),
}

/// A token that has been opened. Clones share it.
#[derive(Clone)]
pub struct SecurityModule(Arc<Inner>);

struct Inner {
    settings: ModuleSettings,
    library: Pkcs11,
    state: Mutex<State>,
}

enum State {
    Closed,
    Open(Session),
    /// The PIN is not tried again.
    Refused(ModuleError),
}

impl std::fmt::Debug for SecurityModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecurityModule")
            .field("token", &self.0.settings.token)
            .finish_non_exhaustive()
    }
}

impl SecurityModule {
    /// Loads the library and opens the token. That it refused the PIN is remembered in this state folder.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn open(settings: ModuleSettings, state: &Path) -> Result<Self, ModuleError> {
        let refused = RefusedPin::of(state, &settings)?;
        refused.check(&settings.token)?;
        let unusable = |error: Error| ModuleError::Library {
            path: settings.library.clone(),
            why: error.to_string(),
        };
        let library = Pkcs11::new(&settings.library).map_err(unusable)?;
        initialize(&library).map_err(unusable)?;
        let module = Self(Arc::new(Inner {
            settings,
            library,
            state: Mutex::new(State::Closed),
        }));
        match module.with(|_| Ok(())) {
            Ok(()) => refused.forget()?,
            Err(error @ ModuleError::Pin { .. }) => {
                refused.remember()?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(module)
    }

    /// The label of the token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0.settings.token
    }

    /// The one in which new keys are to be made, if they are.
    pub(crate) fn for_new_keys(module: Option<&Self>) -> Option<&Self> {
        module.filter(|module| module.0.settings.makes_keys)
    }

    /// Makes a key that signs, under a label for people.
    pub(crate) fn make(&self, label: &str, entropy: &Entropy) -> Result<ModuleKey, ModuleError> {
        let id = entropy.bytes::<ID>().to_vec();
        let (name, named) = (
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Id(id.clone()),
        );
        let public = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(P256.to_vec()),
            name.clone(),
            named.clone(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            name,
            named,
        ];
        self.with(|session| session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private))?;
        self.find(&Reference::new(id))
    }

    /// The key of this name; it has signed once, so that one which cannot is known before it is needed.
    pub(crate) fn find(&self, reference: &Reference) -> Result<ModuleKey, ModuleError> {
        let public = self.with(|session| {
            let Some(key) = object(session, ObjectClass::PUBLIC_KEY, reference)? else {
                return Ok(None);
            };
            session.get_attributes(key, &[AttributeType::EcPoint]).map(Some)
        })?;
        let unusable = |why| self.no_key(reference, why);
        let attributes = public.ok_or_else(|| unusable("there is no public key of this id"))?;
        let point = attributes.iter().find_map(|attribute| match attribute {
            Attribute::EcPoint(point) => asn1::point(point),
            _ => None,
        });
        let point = point.ok_or_else(|| unusable("it is not on the curve P-256"))?;
        let key = ModuleKey::new(self.clone(), reference.clone(), point);
        key.prove().map(|()| key)
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
        let numbers = self.with(|session| {
            let Some(key) = object(session, ObjectClass::PRIVATE_KEY, reference)? else {
                return Ok(None);
            };
            session.sign(&Mechanism::Ecdsa, key, digest).map(Some)
        })?;
        let numbers = numbers.ok_or_else(|| self.no_key(reference, "there is no private key of this id"))?;
        asn1::signature(&numbers)
            .ok_or_else(|| ModuleError::Failed("what it gave is no signature of P-256".to_owned()))
    }

    /// Does something in the session; once more in a new one if the session is at fault.
    fn with<T>(&self, work: impl Fn(&Session) -> Result<T, Error>) -> Result<T, ModuleError> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Refused(why) => return Err(why.clone()),
            State::Open(session) => match work(session) {
                Err(error) if is_over(&error) => *state = State::Closed,
                done => return done.map_err(failed),
            },
            State::Closed => {}
        }
        match self.0.log_in_anew() {
            Ok(session) => {
                let done = work(&session);
                *state = State::Open(session);
                done.map_err(failed)
            }
            Err(error @ ModuleError::Pin { .. }) => {
                *state = State::Refused(error.clone());
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}

impl Inner {
    /// Opens a session; where that fails, once more with a library that has begun anew: some find back to a service that was
    /// away in no other way, and say meanwhile that there is no token.
    fn log_in_anew(&self) -> Result<Session, ModuleError> {
        match self.log_in() {
            Err(ModuleError::Failed(_) | ModuleError::NoToken { .. }) => {
                // It has failed already: what it says at its end is of no use to anybody.
                drop(self.library.clone().finalize());
                initialize(&self.library).map_err(failed)?;
                self.log_in()
            }
            done => done,
        }
    }

    fn log_in(&self) -> Result<Session, ModuleError> {
        let session = self.library.open_rw_session(self.slot()?).map_err(failed)?;
        let pin = self.settings.pin.expose_secret().to_owned().into();
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(
                error @ (RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked
                | RvError::UserPinNotInitialized),
                _,
            )) => Err(ModuleError::Pin {
                token: self.settings.token.clone(),
                why: format!("{error:?}"),
            }),
            Err(error) => Err(failed(error)),
        }
    }

    fn slot(&self) -> Result<Slot, ModuleError> {
        let (mut ours, mut found) = (Vec::new(), Vec::new());
        for slot in self.library.get_slots_with_token().map_err(failed)? {
            let token = self.library.get_token_info(slot).map_err(failed)?;
            let label = token.label().trim_end();
            if label == self.settings.token {
                ours.push(slot);
            } else if token.token_initialized() {
                found.push(format!("\"{label}\""));
            }
        }
        match ours[..] {
            [slot] => Ok(slot),
            [] => Err(ModuleError::NoToken {
                token: self.settings.token.clone(),
                found: if found.is_empty() {
                    "none".to_owned()
                } else {
                    found.join(", ")
                },
            }),
            _ => Err(ModuleError::SeveralTokens {
                token: self.settings.token.clone(),
            }),
        }
    }
}

/// A library is initialised once in a process.
fn initialize(library: &Pkcs11) -> Result<(), Error> {
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        done => done,
    }
}

fn object(
    session: &Session,
    class: ObjectClass,
    reference: &Reference,
) -> Result<Option<ObjectHandle>, Error> {
    let template = [
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Id(reference.id().to_vec()),
    ];
    session.iter_objects(&template)?.next().transpose()
}

/// Whether the session is over, or may be.
const fn is_over(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::UserNotLoggedIn
                | RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::TokenNotPresent
                | RvError::ObjectHandleInvalid
                | RvError::KeyHandleInvalid
                | RvError::OperationActive
                | RvError::CryptokiNotInitialized
                | RvError::GeneralError
                | RvError::FunctionFailed,
            _
        )
    )
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn failed(error: Error) -> ModuleError {
    ModuleError::Failed(match &error {
        // The library's own text of a code is the whole paragraph of the standard.
        Error::Pkcs11(code, function) => format!("{function} said {code:?}"),
        _ => error.to_string(),
    })
}
