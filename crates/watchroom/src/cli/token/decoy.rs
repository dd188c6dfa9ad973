//! `watchroom token decoy`: texts that look like tokens and tell of whoever tries them.

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;

use crate::cli::context::Context;
use crate::cli::node::id_of;
use crate::failure::Failure;
use crate::output::{Column, Form};

const DECOYS: &str = "/api/security/decoys";

/// Make, list and remove decoys, which look like tokens and tell of whoever tries them
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Decoy {
    /// Make a decoy; its text is shown this once
    #[command(after_help = "Example:\n  watchroom token decoy create --name old-backup")]
    Create {
        /// Where it will be laid out
        #[arg(long)]
        name: String,
    },
    /// List decoys, and whether somebody has tried them
    #[command(after_help = "Example:\n  watchroom token decoy list")]
    List,
    /// Remove a decoy
    #[command(after_help = "Example:\n  watchroom token decoy remove old-backup")]
    Remove {
        /// Its name or id
        decoy: String,
    },
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ID", "id"),
    Column::new("MADE BY", "made_by"),
    Column::new("TRIED", "touches"),
    Column::new("LAST TRIED", "touched_at"),
    Column::new("FROM", "touched_from"),
];

impl Decoy {
    pub(in crate::cli) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::Create { name } => {
                let issued = client.post(DECOYS, &json!({ "name": name })).await?;
                if context.output.form() != Form::Table {
                    return context.output.whole(&issued);
                }
                let token = issued.get("token").and_then(Value::as_str);
                let token = token
                    .ok_or_else(|| Failure::new(FaultKind::Internal, "the Host answered without a token"))?;
                context.remark(&format!(
                    "The decoy {name}, shown this once; lay it where nobody should look:"
                ));
                context.output.line(token)
            }
            Self::List => {
                let decoys = client.list(DECOYS, &[], usize::MAX).await?;
                context.output.list(&decoys, LIST)
            }
            Self::Remove { decoy } => {
                let decoys = client.list(DECOYS, &[], usize::MAX).await?;
                let items = decoys.get("items").and_then(Value::as_array);
                let is_meant =
                    |item: &&Value| item.get("name").and_then(Value::as_str) == Some(decoy.as_str());
                let by_name = items.into_iter().flatten().find(is_meant).and_then(id_of);
                let id: Option<Uuid> = Uuid::try_parse(&decoy).ok().or(by_name);
                let id = id.ok_or_else(|| {
                    Failure::new(FaultKind::NotFound, format!("there is no decoy called {decoy}"))
                        .next_step("`watchroom token decoy list` shows them")
                })?;
                let answer = client.delete(&format!("{DECOYS}/{id}")).await?;
                context
                    .output
                    .done(&format!("The decoy {decoy} is removed."), &answer)
            }
        }
    }
}
