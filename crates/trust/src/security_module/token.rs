//! A token as the one thread uses it that may: library, session, PIN, and the objects in it.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use watchroom_kit::{Clock, ExposeSecret, files};

use super::tries::{Ended, Tries};
use super::{ModuleError, ModuleSettings, Reference};

/// The name of P-256 as `CKA_EC_PARAMS` wants it: its object identifier (1.2.840.10045.3.1.7) in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Opened when it is first used, and again whenever that is over: the token was pulled and put back, or its service began
/// anew.
pub(super) struct Token {
    settings: ModuleSettings,
    tries: Tries,
    library: Option<Pkcs11>,
    is_initialized: bool,
    /// Reads and signs; it needs no right to write.
    session: Option<Session>,
}

impl Token {
    pub(super) fn new(settings: ModuleSettings, state: &Path, clock: &Clock) -> Self {
        Self {
            settings,
            tries: Tries::of(state, clock),
            library: None,
            is_initialized: false,
            session: None,
        }
    }

    /// Opens it, if it is not open.
    pub(super) fn open(&mut self) -> Result<(), ModuleError> {
        // A session that is over is known by what is asked of it.
        self.with(|session| session.get_session_info().map(drop))
    }

    /// Makes a pair of keys that signs, under a label for people. It may be there though this fails.
    pub(super) fn make(&mut self, label: &str, reference: &Reference) -> Result<(), ModuleError> {
        // Opened before: a pair is never made twice.
        self.open()?;
        let (name, named) = (
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Id(reference.id().to_vec()),
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
        let session = self.writing()?;
        let (_, private) = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
        let kept =
            session.get_attributes(private, &[AttributeType::Sensitive, AttributeType::Extractable])?;
        // One that does not say is not believed.
        let stays_in = [Attribute::Sensitive(true), Attribute::Extractable(false)];
        if !stays_in.iter().all(|one| kept.contains(one)) {
            return Err(ModuleError::Failed(
                "it makes keys that can be taken out of it; use another one".to_owned(),
            ));
        }
        Ok(())
    }

    /// Removes the pair of this name; says how many objects that were.
    pub(super) fn remove(&mut self, reference: &Reference) -> Result<usize, ModuleError> {
        self.open()?;
        let session = self.writing()?;
        let mut removed = 0;
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for key in session.find_objects(&template(class, reference))? {
                session.destroy_object(key)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The attribute `CKA_EC_POINT` of the public key of this name, if there is one.
    pub(super) fn point(&mut self, reference: &Reference) -> Result<Option<Vec<u8>>, ModuleError> {
        let found = self.of_key(ObjectClass::PUBLIC_KEY, reference, |session, key| {
            session.get_attributes(key, &[AttributeType::EcPoint])
        })?;
        Ok(found.and_then(|attributes| {
            attributes.into_iter().find_map(|attribute| match attribute {
                Attribute::EcPoint(point) => Some(point),
                _ => None,
            })
        }))
    }

    /// Signs a SHA-256 by the private key of this name, if there is one: the two numbers of ECDSA, one after the other.
    pub(super) fn sign(
        &mut self,
        reference: &Reference,
        digest: &[u8],
    ) -> Result<Option<Vec<u8>>, ModuleError> {
        self.of_key(ObjectClass::PRIVATE_KEY, reference, |session, key| {
            session.sign(&Mechanism::Ecdsa, key, digest)
        })
    }

    /// Does something with a key. In a session of before a key that is not there is looked for once more in a new one: to
    /// some modules a login that has ended without a word is the same as there being no keys.
    fn of_key<T>(
        &mut self,
        class: ObjectClass,
        reference: &Reference,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, Error>,
    ) -> Result<Option<T>, ModuleError> {
        let template = template(class, reference);
        let look = |session: &Session| {
            let key = session.iter_objects(&template)?.next().transpose()?;
            key.map(|key| work(session, key)).transpose()
        };
        let is_of_before = self.session.is_some();
        match self.with(look)? {
            None if is_of_before => {
                self.session = None;
                self.with(look)
            }
            found => Ok(found),
        }
    }

    /// Does something in the session; once more in a new one if the session is at fault.
    fn with<T>(&mut self, work: impl Fn(&Session) -> Result<T, Error>) -> Result<T, ModuleError> {
        if let Some(session) = &self.session {
            match work(session) {
                Err(error) if is_over(&error) => self.session = None,
                done => return Ok(done?),
            }
        }
        let session = self.log_in()?;
        Ok(work(self.session.insert(session))?)
    }

    /// A session that may write; whoever is logged in is so there too.
    fn writing(&mut self) -> Result<Session, ModuleError> {
        let slot = self.slot()?;
        Ok(self.library()?.open_rw_session(slot)?)
    }

    fn log_in(&mut self) -> Result<Session, ModuleError> {
        let session = match self.session() {
            // Some find back to a service that was away in no other way, and say meanwhile that there is no token.
            Err(ModuleError::Failed(_) | ModuleError::NoToken { .. }) => {
                self.begin_anew();
                self.session()?
            }
            done => done?,
        };
        let token = &self.settings.token;
        let pin = files::read_secret(&self.settings.pin_file).map_err(|why| ModuleError::PinFile {
            path: self.settings.pin_file.clone(),
            why,
        })?;
        let begun = self.tries.begin(token)?;
        if let Err(error) = self.spare(&session) {
            self.tries.end(begun, Ended::NotShown)?;
            return Err(error);
        }
        let shown = session.login(UserType::User, Some(&pin.expose_secret().to_owned().into()));
        let ended = ended(&shown);
        self.tries.end(begun, ended)?;
        match (shown, ended) {
            (Ok(()), _) | (_, Ended::Accepted) => Ok(session),
            (Err(error), Ended::Refused) => Err(ModuleError::Pin {
                token: token.clone(),
                why: format!("refuses the PIN ({})", code(&error)),
                tries: self.tries.path().to_owned(),
            }),
            (Err(Error::Pkcs11(code, _)), _) if is_locked(code) => Err(ModuleError::Locked {
                token: token.clone(),
                why: format!("{code:?}"),
            }),
            (Err(error), _) => {
                drop(session);
                self.begin_anew();
                Err(error.into())
            }
        }
    }

    /// Shows no PIN to a token that would lock itself by it, whoever has shown it wrong ones.
    fn spare(&self, session: &Session) -> Result<(), ModuleError> {
        let token = || self.settings.token.clone();
        let Some(library) = &self.library else {
            return Ok(());
        };
        let info = library.get_token_info(session.get_session_info()?.slot_id())?;
        if info.user_pin_locked() {
            return Err(ModuleError::Locked {
                token: token(),
                why: "PinLocked".to_owned(),
            });
        }
        match info.user_pin_final_try() {
            true => Err(ModuleError::LastTry { token: token() }),
            false => Ok(()),
        }
    }

    /// A session in which nobody is logged in.
    fn session(&mut self) -> Result<Session, ModuleError> {
        let slot = self.slot()?;
        Ok(self.library()?.open_ro_session(slot)?)
    }

    fn slot(&mut self) -> Result<Slot, ModuleError> {
        let token = self.settings.token.clone();
        let library = self.library()?;
        let (mut ours, mut found) = (Vec::new(), Vec::new());
        for slot in library.get_slots_with_token()? {
            let info = library.get_token_info(slot)?;
            let label = info.label().trim_end();
            if label == token {
                ours.push(slot);
            } else if info.token_initialized() {
                found.push(format!("\"{label}\""));
            }
        }
        match ours[..] {
            [slot] => Ok(slot),
            [] => {
                let found = match found.is_empty() {
                    true => "none".to_owned(),
                    false => found.join(", "),
                };
                Err(ModuleError::NoToken { token, found })
            }
            _ => Err(ModuleError::SeveralTokens { token }),
        }
    }

    fn library(&mut self) -> Result<&Pkcs11, ModuleError> {
        let path = &self.settings.library;
        let unusable = |why: String| ModuleError::Library {
            path: path.clone(),
            why,
        };
        let library = match self.library.take() {
            Some(library) => library,
            None => {
                // Whoever can change it has all that this process has.
                let real = files::refuse_foreign(path).map_err(unusable)?;
                Pkcs11::new(real).map_err(|error| unusable(error.to_string()))?
            }
        };
        let library = self.library.insert(library);
        if !self.is_initialized {
            initialize(library).map_err(|error| unusable(error.to_string()))?;
            self.is_initialized = true;
        }
        Ok(library)
    }

    /// Lets the library begin anew when it is used next.
    fn begin_anew(&mut self) {
        self.session = None;
        if let Some(library) = &self.library {
            // It has failed already: what it says at its end is of no use to anybody.
            drop(library.clone().finalize());
        }
        self.is_initialized = false;
    }
}

/// A library is initialised once in a process.
fn initialize(library: &Pkcs11) -> Result<(), Error> {
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        done => done,
    }
}

fn template(class: ObjectClass, reference: &Reference) -> [Attribute; 3] {
    [
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Id(reference.id().to_vec()),
    ]
}

/// What a login says of the PIN.
const fn ended(shown: &Result<(), Error>) -> Ended {
    match shown {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ended::Accepted,
        Err(Error::Pkcs11(code, _)) => match code {
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => Ended::Refused,
            RvError::TokenNotPresent
            | RvError::DeviceRemoved
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::CryptokiNotInitialized => Ended::NotShown,
            code if is_locked(*code) => Ended::NotShown,
            _ => Ended::Unknown,
        },
        Err(_) => Ended::Unknown,
    }
}

/// Whether no PIN would be taken.
const fn is_locked(code: RvError) -> bool {
    matches!(
        code,
        RvError::PinLocked | RvError::PinExpired | RvError::UserPinNotInitialized
    )
}

fn code(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, _) => format!("{code:?}"),
        _ => error.to_string(),
    }
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
