//! `watchroom explain`: why somebody was refused something.

use clap::Args;
use uuid::Uuid;

use super::context::Context;
use crate::failure::Failure;
use crate::output::Column;

/// Say why something was refused
#[derive(Debug, Args)]
#[command(
    after_help = "A Host remembers the last 64 refusals of each person until it restarts; those who may read the audit log are told of older ones from there.\n\nExample:\n  watchroom explain 0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f"
)]
pub(super) struct Explain {
    /// The decision id of the refusal
    decision: Uuid,
}

const CARD: &[Column] = &[
    Column::new("ASKED FOR", "act"),
    Column::new("ON", "resource"),
    Column::new("BY", "who"),
    Column::new("AT", "at"),
    Column::new("WHY NOT", "reason"),
    Column::new("NEEDS", "needs"),
    Column::new("IN WORDS", "words"),
];

impl Explain {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let path = format!("/api/decisions/{}", self.decision);
        let decision = context.client()?.get(&path, &[]).await?;
        context.output.thing(&decision, CARD)
    }
}
