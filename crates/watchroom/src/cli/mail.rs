//! `watchroom mail`: how letters leave this Host.

use clap::Subcommand;
use serde_json::json;

use super::context::Context;
use crate::failure::Failure;
use crate::output::Column;

const MAIL: &str = "/api/settings/mail";

/// See how mail leaves, and whether it arrives
#[derive(Debug, Subcommand)]
pub(super) enum Mail {
    /// Show how mail leaves, and what waits
    #[command(after_help = "Example:\n  watchroom mail show")]
    Show,
    /// Send a letter at once, and say what came of it
    #[command(after_help = "Example:\n  watchroom mail test ada@home.example")]
    Test {
        /// To whom
        to: String,
    },
}

const CARD: &[Column] = &[
    Column::new("SENDS", "is_on"),
    Column::new("SERVER", "server"),
    Column::new("PROTECTION", "protection"),
    Column::new("FROM", "from"),
    Column::new("USER", "user"),
    Column::new("LINKS TO", "panel_url"),
    Column::new("WAITING", "waiting"),
    Column::new("SINCE", "waiting_since"),
    Column::new("GIVEN UP", "given_up"),
    Column::new("BECAUSE", "given_up_because"),
    Column::new("TROUBLE", "trouble"),
];

impl Mail {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::Show => {
                let mail = client.get(MAIL, &[]).await?;
                context.output.thing(&mail, CARD)
            }
            Self::Test { to } => {
                let answer = client.post(&format!("{MAIL}/test"), &json!({ "to": to })).await?;
                let sentence = format!("The mail server has taken a letter to {to}.");
                context.output.done(&sentence, &answer)
            }
        }
    }
}
