//! `watchroom config`: is it right, and what holds.

use clap::Subcommand;
use serde_json::{Value, json};
use watchroom_kit::FaultKind;

use super::context::Context;
use crate::failure::Failure;
use crate::output::Column;

/// Check and show the configuration
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the whole configuration and report every problem, with file and line
    #[command(after_help = "Example:\n  watchroom --config ./watchroom.toml config check")]
    Check,
    /// Show every setting with its value
    #[command(after_help = "Example:\n  watchroom config show --origin")]
    Show {
        /// Show where each value came from, too
        #[arg(long)]
        origin: bool,
    },
}

const SETTINGS: &[Column] = &[Column::new("KEY", "key"), Column::new("VALUE", "value")];
const ORIGINS: &[Column] = &[
    Column::new("KEY", "key"),
    Column::new("VALUE", "value"),
    Column::new("ORIGIN", "origin"),
];

impl ConfigCommand {
    pub(super) fn run(self, mut context: Context) -> Result<(), Failure> {
        let loaded = context.sources(Vec::new()).load()?;
        match self {
            Self::Check => {
                let files: Vec<String> = loaded
                    .files
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                let read = if files.is_empty() {
                    "no file, only defaults".to_owned()
                } else {
                    files.join(", ")
                };
                let answer = json!({ "problems": [], "files": files });
                context
                    .output
                    .done(&format!("The configuration is fine ({read})."), &answer)
            }
            Self::Show { origin } => {
                let items = serde_json::to_value(loaded.shown(origin)?).map_err(|error| {
                    Failure::new(
                        FaultKind::Internal,
                        format!("the configuration cannot be shown: {error}"),
                    )
                })?;
                let columns = if origin { ORIGINS } else { SETTINGS };
                context
                    .output
                    .list(&json!({ "items": items, "next_cursor": Value::Null }), columns)
            }
        }
    }
}
