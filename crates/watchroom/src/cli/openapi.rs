//! `watchroom openapi`: the description of the REST API.

use clap::Args;
use watchroom_kit::FaultKind;

use super::context::Context;
use crate::failure::Failure;

/// Print the OpenAPI document of the REST API
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  watchroom openapi > openapi.json")]
pub(super) struct Openapi {}

impl Openapi {
    pub(super) fn run(self, mut context: Context) -> Result<(), Failure> {
        let document = serde_json::to_value(watchroom_api::document()).map_err(|error| {
            Failure::new(
                FaultKind::Internal,
                format!("the document cannot be written down: {error}"),
            )
        })?;
        context.output.whole(&document)
    }
}
