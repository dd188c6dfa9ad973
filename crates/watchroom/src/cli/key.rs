//! `watchroom key`: the keys under which secrets lie sealed.

use clap::Subcommand;
use serde_json::{Value, json};

use super::context::Context;
use crate::failure::Failure;

/// Change the keys under which secrets lie sealed
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Seal all secrets that can be read back under a new key
    #[command(after_help = "Example:\n  watchroom key rotate")]
    Rotate,
}

impl Key {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let Self::Rotate = self;
        let rotated = context.client()?.post("/api/keys/rotate", &json!({})).await?;
        let count = rotated.get("resealed").and_then(Value::as_u64).unwrap_or(0);
        let sentence = format!("A new key seals from now on; secrets sealed anew: {count}.");
        context.output.done(&sentence, &rotated)
    }
}
