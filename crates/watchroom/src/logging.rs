//! The log: for people on a terminal, JSON lines otherwise; filtered by `WATCHROOM_LOG`.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;
use watchroom_kit::FaultKind;

use crate::environment::Environment;
use crate::failure::Failure;

/// What is logged when nobody says: long-running commands tell what they do, client commands only trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usual {
    /// `up`, `host`, `node`.
    Service,
    /// Everything else.
    Client,
}

/// Starts the log on standard error.
pub(crate) fn start(usual: Usual, environment: &Environment) -> Result<(), Failure> {
    let fallback = match usual {
        // The TLS library warns of each hello that it cannot take: any stranger could fill the disk with that.
        Usual::Service => "info,rustls=error",
        Usual::Client => "error",
    };
    let wanted = environment.get("WATCHROOM_LOG").unwrap_or(fallback);
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        Failure::new(
            FaultKind::Invalid,
            format!("WATCHROOM_LOG={wanted} is no log filter: {error}"),
        )
        .next_step("use a level or a list such as `info,watchroom_link=debug`")
    })?;
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_terminal = io::stderr().is_terminal();
    let is_colored = is_terminal && environment.get("NO_COLOR").is_none();
    // A second start in one process (two instances in one test) keeps the first log: there is one stderr.
    let _ = match is_terminal {
        true => builder.with_ansi(is_colored).finish().try_init(),
        false => builder.json().flatten_event(true).finish().try_init(),
    };
    Ok(())
}
