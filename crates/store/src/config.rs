//! The section `store`: where the memory is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_kit::{SecretString, files};

use crate::{Server, ServerError};

/// Where Debian and its kin keep the public authorities.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where the memory is. Without an address it is SQLite in the state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A PostgreSQL database (15 or newer), `postgres://user@host:5432/database`. To another machine always with
    /// TLS (`sslmode=verify-full`). Default none: SQLite in the state folder. Needs a restart.
    pub url: Option<String>,
    /// A file of mode 0600 that holds the password for it and nothing else. Default none.
    pub password_file: Option<PathBuf>,
    /// A PEM file with the authorities that may have signed the server's certificate. Default
    /// `/etc/ssl/certs/ca-certificates.crt`.
    pub ca_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            password_file: None,
            ca_file: PathBuf::from(AUTHORITIES),
        }
    }
}

impl Section for Config {
    const NAME: &'static str = "store";

    fn check(&self, problems: &mut Problems) {
        match &self.url {
            Some(url) => {
                if let Err(error) = Server::check(url) {
                    problems.add("store.url", error.to_string());
                }
            }
            None if self.password_file.is_some() => {
                problems.add("store.password_file", "is of no use without store.url");
            }
            None => {}
        }
    }
}

impl Config {
    /// The PostgreSQL database to use, if one is configured; reads the files that it names.
    ///
    /// # Errors
    /// [`ServerError`], whose message names the next step.
    pub fn server(&self) -> Result<Option<Server>, ServerError> {
        let Some(url) = &self.url else { return Ok(None) };
        let password = self.password_file.as_deref().map(read_password).transpose()?;
        Server::new(url, password.as_ref(), &self.ca_file).map(Some)
    }
}

fn read_password(path: &Path) -> Result<SecretString, ServerError> {
    files::read_secret(path).map_err(|why| ServerError::File {
        path: path.to_owned(),
        why,
    })
}
