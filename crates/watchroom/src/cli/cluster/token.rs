//! `watchroom cluster token`: join tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;
use watchroom_model::NodeName;

use crate::cli::context::Context;
use crate::cli::{duration, pairs};
use crate::failure::Failure;
use crate::output::{Column, Form};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Token {
    /// Create a join token; its URL is shown this once
    #[command(
        after_help = "Example:\n  watchroom cluster token create --name attic\n  watchroom cluster token create --auto-approve -o json"
    )]
    Create(Create),
    /// List the join tokens that can still be used
    #[command(after_help = "Example:\n  watchroom cluster token list")]
    List,
    /// Take a join token back
    #[command(after_help = "Example:\n  watchroom cluster token revoke 0198c5a0-...")]
    Revoke {
        /// Its id
        token: Uuid,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    /// The name that the machine gets
    #[arg(long)]
    name: Option<NodeName>,
    /// Let another machine take the place of this node: a reinstalled one, or a revoked one
    #[arg(long, value_name = "NODE", conflicts_with_all = ["name", "uses"])]
    replace: Option<String>,
    /// A label that the node gets (KEY=VALUE); may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pairs::parse)]
    labels: Vec<(String, String)>,
    /// Let machines in by it without a person
    #[arg(long)]
    auto_approve: bool,
    /// How many machines may use it [default: 1]
    #[arg(long)]
    uses: Option<u32>,
    /// How long it is good [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    expires: Option<Duration>,
}

const LIST: &[Column] = &[
    Column::new("ID", "id"),
    Column::new("NAME", "name"),
    Column::new("REPLACES", "replaces"),
    Column::new("AUTO-APPROVE", "auto_approve"),
    Column::new("USES LEFT", "uses_left"),
    Column::new("EXPIRES", "expires_at"),
    Column::new("MADE BY", "created_by"),
];

impl Token {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List => {
                let tokens = context
                    .client()?
                    .list("/api/cluster/tokens", &[], usize::MAX)
                    .await?;
                context.output.list(&tokens, LIST)
            }
            Self::Revoke { token } => {
                let answer = context
                    .client()?
                    .delete(&format!("/api/cluster/tokens/{token}"))
                    .await?;
                context
                    .output
                    .done(&format!("The join token {token} is revoked."), &answer)
            }
        }
    }
}

impl Create {
    /// What `POST /api/cluster/tokens` takes.
    fn body(&self) -> Value {
        let labels: BTreeMap<_, _> = self.labels.iter().cloned().collect();
        json!({
            "name": self.name,
            "replaces": self.replace,
            "labels": labels,
            "auto_approve": self.auto_approve,
            "uses": self.uses,
            "expires_in_s": self.expires.map(|expires| expires.as_secs()),
        })
    }

    async fn run(self, mut context: Context) -> Result<(), Failure> {
        let invited = context
            .client()?
            .post("/api/cluster/tokens", &self.body())
            .await?;
        if context.output.form() != Form::Table {
            return context.output.whole(&invited);
        }
        let url = invited
            .get("join_url")
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::new(FaultKind::Internal, "the Host answered without a join URL"))?;
        context.remark("Give this to `watchroom join -` on the machine; it is shown this once:");
        context.output.line(url)
    }
}
