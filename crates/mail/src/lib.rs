//! Letters to people: written in the transaction that they tell of, kept until they are delivered, carried by SMTP.
//!
//! A [`Draft`] is put into the outbox by whoever changes something, in the same commit; so a letter is there if and
//! only if the change is, and nobody waits for a mail server. [`Mail`] carries what is due, one letter after the other,
//! comes back later where the server is away, and gives up after a day with a finding. What a letter says is sealed
//! until then: links open doors.
//!
//! A letter is delivered at least once: a Host that dies between the server's word and its own note sends it again,
//! under the same `Message-ID`.
//!
//! The way is TLS, from the start or by `STARTTLS`; without TLS there is only this machine, and no password.

pub mod config;
mod content;
mod deliver;
mod draft;
mod entity;
mod error;
mod mail;
mod reseal;
mod seal;
mod smtp;
mod view;

pub use config::Config;
pub use content::{Content, FactorChange, Link, Place, Words, Written};
pub use draft::Draft;
pub use error::{OpenError, SendError};
pub use mail::{Mail, Pace};
pub use reseal::reseal;
pub use seal::{Seal, SealError};
pub use view::MailView;
