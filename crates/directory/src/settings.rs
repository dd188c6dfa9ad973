//! Where a directory is and how it is asked.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use watchroom_kit::SecretString;

/// How the way to a server is kept secret. There is no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte.
    Ldaps,
    /// TLS from the second message on; nothing of anybody is said before.
    StartTls,
}

/// One server. Its certificate must be for this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way is kept secret.
    pub transport: Transport,
}

/// In whose name the directory is searched.
#[derive(Clone, Debug)]
pub enum Bind {
    /// An account of ours finds the person, who then proves the password.
    Search {
        /// Its distinguished name.
        dn: String,
        /// Its password.
        password: SecretString,
    },
    /// The person at once, by a distinguished name in which `{name}` stands for what they typed.
    Direct {
        /// The distinguished name, `uid={name},ou=people,dc=example,dc=org`.
        template: String,
    },
}

/// Where groups are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// The attribute `memberOf` of the person says them.
    MemberOf,
    /// Active Directory finds those that the person is in through others too, below this base.
    ActiveDirectory {
        /// Where groups are.
        base: String,
    },
    /// Any other directory: groups that name the person are looked for below this base, then those that name these, and so on.
    Walk {
        /// Where groups are.
        base: String,
    },
}

/// A directory.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it is called here, for the log.
    pub name: String,
    /// Its servers, the first one first; the others where it does not answer.
    pub servers: Vec<Server>,
    /// Whom to trust on the way.
    pub tls: Arc<ClientConfig>,
    /// In whose name it is searched.
    pub bind: Bind,
    /// Where people are.
    pub base: String,
    /// Who is meant: a filter in which `{name}` stands for what was typed, `(uid={name})`.
    pub filter: String,
    /// The attribute that never changes of a person and is never given to another: `entryUUID`, `objectGUID`.
    pub subject: String,
    /// The attribute with the name that others see.
    pub display_name: String,
    /// The attribute with the e-mail address.
    pub mail: String,
    /// Where groups are found.
    pub groups: Groups,
    /// How long a server may take to take the connection.
    pub connect_patience: Duration,
    /// How long all servers together may take to answer.
    pub patience: Duration,
    /// How many may ask at once.
    pub most: usize,
}
