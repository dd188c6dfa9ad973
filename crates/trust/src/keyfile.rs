//! Keys and certificates on disk: keys are 0600 or refused, and are replaced wholly or not at all.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use watchroom_kit::files::{self, FolderError};
use watchroom_kit::{Fault, FaultKind};
use zeroize::Zeroizing;

use crate::ModuleError;

/// Why a key or certificate on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The folder is not fit to hold keys.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could read the key. The message holds the command that mends it.
    #[error("the key {} can be read by other users (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} holds no usable {what}: {why}; restore it from a backup", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What was found.
        why: String,
    },
    /// The certificate is there, its key is not: making a new one would cut off everything it has signed.
    #[error("{} is there, but its key {} is missing; restore the key from a backup", certificate.display(), key.display())]
    KeyMissing {
        /// The certificate that is there.
        certificate: PathBuf,
        /// The key that is not.
        key: PathBuf,
    },
    /// Key and certificate do not belong together.
    #[error("the key {} does not belong to the certificate {}; restore both from one backup", key.display(), certificate.display())]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The key is in a security module that does not do its part.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The cryptographic library could not make a key or sign.
    #[error("cannot make a key or certificate: {0}")]
    Crypto(#[from] rcgen::Error),
}

impl Fault for KeyFileError {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::TooOpen { .. } => "key-readable-by-others",
            Self::KeyMissing { .. } => "key-missing",
            Self::Mismatch { .. } => "key-mismatch",
            Self::Unreadable { .. } => "key-unreadable",
            Self::Module(_) => "security-module",
            Self::Folder(_) | Self::Io { .. } | Self::Crypto(_) => "key-unusable",
        }
    }

    fn public(&self) -> String {
        "a key or certificate of this machine cannot be used; its log and `watchroom doctor` name the file and the next step"
            .to_owned()
    }
}

/// The folder that holds keys, made if missing.
pub(crate) fn keys_folder(state: &Path) -> Result<PathBuf, KeyFileError> {
    let folder = state.join("keys");
    files::private_folder(&folder)?;
    Ok(folder)
}

/// The content of a file, or `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyFileError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The content of a key file, or `None` if there is none. One that others could read is refused.
pub(crate) fn read_key(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io(source)),
    };
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    let mut content = Zeroizing::new(Vec::new());
    file.read_to_end(&mut content).map_err(io)?;
    Ok(Some(content))
}

/// Replaces a file, durably.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), KeyFileError> {
    files::replace(path, content, mode).map_err(|source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), KeyFileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(KeyFileError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// The certificates in PEM text, in order; at least one.
pub(crate) fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, KeyFileError> {
    let unreadable = |why: String| KeyFileError::Unreadable {
        path: path.to_owned(),
        what: "certificate",
        why,
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| unreadable(error.to_string()))?;
    if chain.is_empty() {
        Err(unreadable("it has no CERTIFICATE section".to_owned()))
    } else {
        Ok(chain)
    }
}

/// The private key in PEM text: PKCS#8, PKCS#1 or SEC1.
pub(crate) fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, KeyFileError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| KeyFileError::Unreadable {
        path: path.to_owned(),
        what: "private key",
        why: error.to_string(),
    })
}
