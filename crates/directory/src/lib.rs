//! Asking a directory (LDAP, Active Directory) who somebody is: a name and a password become a person with groups, or nobody.
//!
//! Nothing is said but over TLS with a certificate that leads to the CA that was given. What somebody typed is escaped
//! wherever it goes; an empty password is refused before anybody is asked, because a directory takes it for no sign-in at
//! all; referrals are not followed. Several servers stand in for one another, each try has a deadline, and only so many
//! run at once: a directory that is away costs those who ask for it, and nobody else.

mod error;
mod groups;
mod prove;
mod servers;
mod settings;
mod words;

pub use error::DirectoryError;
pub use prove::{Directory, Person};
pub use settings::{Bind, Groups, Server, Settings, Transport};
