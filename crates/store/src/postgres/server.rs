//! Which PostgreSQL, as whom, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::config::{Host, SslMode};
use watchroom_kit::{ExposeSecret, SecretString};

/// How long connecting to one address may take.
const CONNECT: Duration = Duration::from_secs(5);
/// After which silence the system asks whether the other end is still there, and after which it gives up.
const KEPT_ALIVE: Duration = Duration::from_secs(10);
const UNANSWERED: Duration = Duration::from_secs(15);

/// Why an address cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// It is no address of a PostgreSQL database.
    #[error("{why}; write postgres://user@host:5432/database?sslmode=verify-full")]
    Address {
        /// What is wrong with it.
        why: String,
    },
    /// It holds a password, which would be shown wherever the configuration is.
    #[error(
        "a password does not belong in the address: put it into a file of mode 0600 and name that in store.password_file"
    )]
    Password,
    /// It asks for a protection that proves nothing.
    #[error(
        "sslmode={asked} does not prove who answers: use sslmode=verify-full, with store.ca_file if the server's certificate is not of a public authority"
    )]
    Unproven {
        /// What was asked for.
        asked: String,
    },
    /// It goes over a network without TLS.
    #[error(
        "{host} is not this machine, and sslmode=disable would send everything in the clear: use sslmode=verify-full"
    )]
    Unprotected {
        /// The other machine.
        host: String,
    },
    /// A file that it needs cannot be used.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why, with the next step.
        why: String,
    },
}

/// A PostgreSQL database: its address, who we are there, and how the way is protected.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) config: tokio_postgres::Config,
    /// The settings of TLS; `None` only towards this machine.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Server {
    /// The database at `url`, with the password and the trusted authorities, if it needs them. Without `sslmode`
    /// the way to another machine is protected, and the way within this one is not.
    ///
    /// # Errors
    /// [`ServerError`], whose message names the next step.
    pub fn new(url: &str, password: Option<&SecretString>, authorities: &Path) -> Result<Self, ServerError> {
        let (mut config, is_protected) = parse(url)?;
        if let Some(password) = password {
            config.password(password.expose_secret());
        }
        config
            .application_name("watchroom")
            .connect_timeout(CONNECT)
            .keepalives_idle(KEPT_ALIVE)
            .tcp_user_timeout(UNANSWERED)
            .ssl_mode(if is_protected {
                SslMode::Require
            } else {
                SslMode::Disable
            });
        let tls = if is_protected {
            Some(Arc::new(client_config(authorities)?))
        } else {
            None
        };
        Ok(Self { config, tls })
    }

    /// Whether this could be the address of a database, files aside.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn check(url: &str) -> Result<(), ServerError> {
        parse(url).map(drop)
    }
}

/// Where it is, without anything secret.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.config.get_hosts().iter().map(name).collect();
        let ports: Vec<_> = self.config.get_ports().iter().map(u16::to_string).collect();
        write!(f, "postgres://{}", hosts.join(","))?;
        if !ports.is_empty() {
            write!(f, ":{}", ports.join(","))?;
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

/// The address, and whether the way there is to be protected.
fn parse(url: &str) -> Result<(tokio_postgres::Config, bool), ServerError> {
    let wrong = |why: &str| ServerError::Address { why: why.to_owned() };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(wrong("this is no postgres:// address"));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (mode, others): (Vec<_>, Vec<_>) = query
        .split('&')
        .filter(|part| !part.is_empty())
        .partition(|part| part.starts_with("sslmode="));
    let mode = mode.last().and_then(|part| part.strip_prefix("sslmode="));
    let config = tokio_postgres::Config::from_str(&format!("{address}?{}", others.join("&")))
        .map_err(|error| wrong(&error.to_string()))?;
    if config.get_password().is_some() {
        return Err(ServerError::Password);
    }
    if config.get_hosts().is_empty() || config.get_dbname().is_none() || config.get_user().is_none() {
        return Err(wrong("user, host and database must all be named"));
    }
    let elsewhere = config.get_hosts().iter().find(|host| !is_here(host)).map(name);
    let elsewhere = elsewhere.or_else(|| {
        let away = config
            .get_hostaddrs()
            .iter()
            .find(|address| !address.is_loopback());
        away.map(IpAddr::to_string)
    });
    let is_protected = match (mode, elsewhere) {
        (Some("verify-full"), _) | (None, Some(_)) => true,
        (Some("disable") | None, None) => false,
        (Some("disable"), Some(host)) => return Err(ServerError::Unprotected { host }),
        (Some(asked), _) => {
            return Err(ServerError::Unproven {
                asked: asked.to_owned(),
            });
        }
    };
    Ok((config, is_protected))
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// TLS that accepts a certificate of these authorities for the very name of the address, and no other.
fn client_config(authorities: &Path) -> Result<ClientConfig, ServerError> {
    let unusable = |why: String| ServerError::File {
        path: authorities.to_owned(),
        why: format!(
            "{why}; name a PEM file with the authority of the server's certificate in store.ca_file"
        ),
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(authorities).map_err(|error| unusable(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(url: &str) -> Result<bool, ServerError> {
        parse(url).map(|(_, is_protected)| is_protected)
    }

    #[test]
    fn the_way_to_another_machine_is_protected_and_never_otherwise() {
        for (url, is_protected) in [
            ("postgres://watchroom@db.example/watchroom", true),
            (
                "postgres://watchroom@db.example:6432/watchroom?sslmode=verify-full",
                true,
            ),
            ("postgresql://watchroom@localhost/watchroom", false),
            ("postgres://watchroom@127.0.0.1/watchroom?sslmode=disable", false),
            (
                "postgres://watchroom@127.0.0.1/watchroom?sslmode=verify-full",
                true,
            ),
            ("postgres://watchroom@%2Frun%2Fpostgresql/watchroom", false),
            ("postgres://watchroom@localhost,db.example/watchroom", true),
        ] {
            assert_eq!(verdict(url), Ok(is_protected), "{url}");
        }
        let clear = verdict("postgres://watchroom@db.example/watchroom?sslmode=disable").unwrap_err();
        assert!(clear.to_string().contains("use sslmode=verify-full"), "{clear}");
        let hidden = verdict("postgres://watchroom@localhost/watchroom?hostaddr=192.0.2.1&sslmode=disable");
        assert!(
            matches!(hidden, Err(ServerError::Unprotected { .. })),
            "{hidden:?}"
        );
        for mode in ["prefer", "require", "verify-ca", "allow"] {
            let unproven = verdict(&format!(
                "postgres://watchroom@localhost/watchroom?sslmode={mode}"
            ));
            assert!(
                matches!(unproven, Err(ServerError::Unproven { .. })),
                "{unproven:?}"
            );
        }
    }

    #[test]
    fn an_address_names_everything_but_the_password() {
        assert_eq!(
            verdict("postgres://watchroom:secret@localhost/watchroom"),
            Err(ServerError::Password)
        );
        for wrong in [
            "mysql://watchroom@localhost/watchroom",
            "host=localhost user=watchroom",
            "postgres://localhost/watchroom",
            "postgres://watchroom@/watchroom",
            "postgres://watchroom@localhost/watchroom?sslmodus=verify-full",
        ] {
            assert!(
                matches!(verdict(wrong), Err(ServerError::Address { .. })),
                "{wrong}"
            );
        }
    }
}
