//! Who is kept out, and why: bans by people and by evidence, and how long the next one lasts.
//!
//! [`Defence`] remembers bans in the store and hands the list of those in force to the edge through the port
//! [`Edge`], at every change and on every replica; the edge looks them up without asking anybody. What the
//! edge and the sign-in saw comes in as [`Evidence`]; [`Watch`] weighs it. A ban that would hit one's own
//! people or machines ([`Bystanders`]) is held until a person confirms it.
//!
//! Evidence is weighed by the replica that saw it and not shared; the bans that come of it are.

mod bans;
pub mod config;
mod defence;
mod error;
mod evidence;
mod follow;
mod network;
mod port;

pub use bans::{BanFilter, BanKind, BanStatus, BanView, NewBan};
pub use config::Config;
pub use defence::{Defence, Ports};
pub use error::BanError;
pub use evidence::{Evidence, Sign, Verdict, Watch};
pub use port::{Barred, Bystander, Bystanders, Edge};
