//! The node agent and the shim: the gate, the supervisor, the console, the machine's power and its fail2ban.
//!
//! Each server runs under a shim, a tiny process of its own that holds its pipes, keeps its console
//! and knows how it ended. The [`Supervisor`] is only the shims' client: it may be killed, upgraded and
//! started again, and finds its servers as they are. What was asked and answered is in a
//! [`watchroom_kit::Journal`]; the link reaches all of it through [`watchroom_link::Agent`].

mod account;
mod bans;
mod claims;
mod console;
mod dashboard;
mod fail2ban;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gate;
mod ledger;
mod memory;
mod metrics;
mod place;
mod power;
mod process;
mod program;
mod refusal;
mod remembered;
mod settings;
mod shim;
mod supervisor;
mod vitals;

pub use dashboard::{DashboardParts, Invitations, Portrait, serve_dashboard};
pub use fail2ban::Fail2ban;
pub use ledger::{LedgerError, NodeAudit};
pub use remembered::MachineMemory;
pub use settings::{Allowed, Power, Rules, Settings};
pub use shim::shim_main;
pub use supervisor::{OpenError, Supervisor};
