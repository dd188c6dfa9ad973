//! Which Host to talk to, and how it is known to be that one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use watchroom_kit::{Fault, FaultKind, SecretString};

use crate::endpoints::Endpoints;
use crate::environment::Environment;

/// Where operating systems keep the certificates they trust, first found first taken.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A Host to talk to.
#[derive(Clone)]
pub enum Target {
    /// The one on this machine that runs on this state folder.
    Local {
        /// The state folder, for messages.
        state: PathBuf,
        /// Its socket.
        socket: PathBuf,
    },
    /// One reached over TLS.
    Remote(Arc<Remote>),
}

/// A Host reached over TLS with a token.
pub struct Remote {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) name: ServerName<'static>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) token: SecretString,
}

/// Why there is no such target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The URL does not name a Host.
    #[error("{url} is no address of a Host; give one such as https://host.example:7443")]
    Url {
        /// What was given.
        url: String,
    },
    /// There is no token.
    #[error("a Host reached over the network wants a token; give --token-file FILE (`-` is standard input)")]
    NoToken,
    /// A file cannot be read.
    #[error("cannot read {}: {message}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// No certificates to trust.
    #[error("this machine has no list of trusted certificates; give --ca-file FILE with the panel's CA")]
    NoRoots,
    /// The endpoints file is broken.
    #[error("cannot read {}: {source}; restart the Host to have it written anew", path.display())]
    Endpoints {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Fault for TargetError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }

    fn slug(&self) -> &'static str {
        "target"
    }

    fn public(&self) -> String {
        self.to_string()
    }
}

impl Target {
    /// The Host on this machine that runs on `state`.
    ///
    /// # Errors
    /// If its endpoints file is broken. That nothing runs shows when it is asked something.
    pub fn local(state: &Path) -> Result<Self, TargetError> {
        let endpoints = Endpoints::read(state).map_err(|source| TargetError::Endpoints {
            path: Endpoints::path(state),
            source,
        })?;
        let socket = endpoints.and_then(|endpoints| endpoints.socket);
        let socket = socket.unwrap_or_else(|| Endpoints::usual_socket(state));
        Ok(Self::Local {
            state: state.to_owned(),
            socket,
        })
    }

    /// The Host at `url`, which shows a certificate that `ca_file` (or else this machine) trusts.
    ///
    /// # Errors
    /// [`TargetError`] naming the flag to mend.
    pub fn remote(
        url: &str,
        token: Option<SecretString>,
        ca_file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, TargetError> {
        let wrong = || TargetError::Url { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host = uri
            .host()
            .filter(|_| uri.scheme() == Some(&Scheme::HTTPS))
            .ok_or_else(wrong)?
            .to_owned();
        if !matches!(uri.path(), "" | "/") {
            return Err(wrong());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(|_| wrong())?;
        let token = token.ok_or(TargetError::NoToken)?;
        let roots = match ca_file {
            Some(path) => roots(path)?,
            None => system_roots(environment)?,
        };
        let mut tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let port = uri.port_u16().unwrap_or(443);
        Ok(Self::Remote(Arc::new(Remote {
            host,
            port,
            name,
            tls: Arc::new(tls),
            token,
        })))
    }
}

fn system_roots(environment: &Environment) -> Result<RootCertStore, TargetError> {
    let path = match environment.get("SSL_CERT_FILE") {
        Some(path) => Path::new(path),
        None => SYSTEM_ROOTS
            .iter()
            .map(Path::new)
            .find(|path| path.exists())
            .ok_or(TargetError::NoRoots)?,
    };
    roots(path)
}

fn roots(path: &Path) -> Result<RootCertStore, TargetError> {
    let unreadable = |message: String| TargetError::Unreadable {
        path: path.to_owned(),
        message,
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        store
            .add(certificate)
            .map_err(|error| unreadable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unreadable("it holds no certificate in PEM form".to_owned()));
    }
    Ok(store)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { socket, .. } => write!(f, "{}", socket.display()),
            Self::Remote(remote) => write!(f, "https://{}:{}", remote.host, remote.port),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}
