//! `watchroom cluster unfence` and `watchroom cluster ca rotate`: what a person decides of keys and certificates.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::node;
use crate::failure::Failure;

/// The cluster's certificate authority
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Ca {
    /// Make a new CA; every node moves to it, then the old one retires
    #[command(after_help = "Example:\n  watchroom cluster ca rotate")]
    Rotate,
}

impl Ca {
    pub(in crate::cli) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let Self::Rotate = self;
        let answer = context
            .client()?
            .post("/api/cluster/ca/rotate", &json!({}))
            .await?;
        let text = |key| answer.get(key).and_then(Value::as_str).unwrap_or_default();
        let began = match text("outcome") {
            "already_so" => "A rotation is under way already",
            _ => "The cluster has a new CA",
        };
        let sentence = format!(
            "{began}: {}. The one before retires when all nodes have moved, at the latest {}.",
            text("fingerprint"),
            text("retires_at")
        );
        context.output.done(&sentence, &answer)
    }
}

/// Lets a fenced node back in.
pub(in crate::cli) async fn unfence(mut context: Context, name: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let id = node::find(&client, name).await?;
    let answer = client
        .post(&format!("/api/cluster/nodes/{id}/unfence"), &json!({}))
        .await?;
    context.output.done(
        &format!("The node {name} may come back: the machine that dials next is it."),
        &answer,
    )
}
