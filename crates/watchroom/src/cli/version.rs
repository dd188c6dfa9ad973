//! `watchroom version`: version, features and build.

use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::failure::Failure;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column::new("VERSION", "version"),
    Column::new("FEATURES", "features"),
    Column::new("BUILD", "build"),
];

/// Show version, features and build
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  watchroom version -o json")]
pub(super) struct Version {}

impl Version {
    pub(super) fn run(self, mut context: Context) -> Result<(), Failure> {
        let known = [("host", cfg!(feature = "host")), ("node", cfg!(feature = "node"))];
        let features: Vec<_> = known
            .iter()
            .filter(|(_, is_built)| *is_built)
            .map(|(name, _)| *name)
            .collect();
        let profile = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        let version = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "features": features,
            "build": { "profile": profile, "os": std::env::consts::OS, "arch": std::env::consts::ARCH },
        });
        context.output.thing(&version, COLUMNS)
    }
}
