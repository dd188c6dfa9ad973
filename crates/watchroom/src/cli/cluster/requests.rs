//! `watchroom cluster requests|approve|reject`.

use std::io::IsTerminal;

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;

use crate::cli::context::Context;
use crate::cli::node::id_of;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("WORDS", "words"),
    Column::new("ADDRESS", "address"),
    Column::new("ASKED", "requested_at"),
    Column::new("STATUS", "status"),
    Column::new("REASON", "reason"),
    Column::new("ID", "id"),
];

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Those that were decided within the last week too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Approve {
    /// The machine's name, or the id of its request
    request: String,
    /// The six words match those that the machine shows, instead of saying so at a prompt
    #[arg(long)]
    words_match: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Reject {
    /// The machine's name, or the id of its request
    request: String,
    /// Why; the machine shows it
    #[arg(long)]
    reason: String,
}

impl List {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let status = if self.all { "all" } else { "" };
        let query = [("status", status.to_owned())];
        let requests = context
            .client()?
            .list("/api/cluster/requests", &query, usize::MAX)
            .await?;
        context.output.list(&requests, LIST)
    }
}

impl Approve {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let request = find(&client, &self.request).await?;
        let id = id_of(&request).ok_or_else(without_id)?;
        if !self.words_match {
            compared(&context, &request)?;
        }
        let path = format!("/api/cluster/requests/{id}/approve");
        let answer = client.order(&path, &json!({ "words_match": true })).await?;
        let sentence = match answer.get("outcome").and_then(Value::as_str) {
            Some("already_so") => format!("{} was approved before.", self.request),
            _ => format!("{} is approved.", self.request),
        };
        context.output.done(&sentence, &answer)
    }
}

impl Reject {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let id = id_of(&find(&client, &self.request).await?).ok_or_else(without_id)?;
        let path = format!("/api/cluster/requests/{id}/reject");
        let answer = client.order(&path, &json!({ "reason": self.reason })).await?;
        context
            .output
            .done(&format!("{} is rejected.", self.request), &answer)
    }
}

/// Has a person compare the words. `-y` does not answer for them: `--words-match` says that they did.
fn compared(context: &Context, request: &Value) -> Result<(), Failure> {
    let text = |name: &str| {
        request
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let words = request
        .get("words")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    if context.globals.yes || !std::io::stdin().is_terminal() {
        let cause = format!("nobody has said that the words `{}` match", words.join(" "));
        return Err(Failure::new(FaultKind::Invalid, cause)
            .next_step("compare them with those that the machine shows, then add --words-match"));
    }
    let what = format!(
        "{} at {} (key {}) wants to join. Its screen must show these words:\n\n    {}\n",
        text("name"),
        text("address"),
        text("fingerprint"),
        words.join(" ")
    );
    context.confirm(&what, "yes")
}

/// The pending request of that id, or of the machine of that name.
async fn find(client: &Client, request: &str) -> Result<Value, Failure> {
    let requests = client
        .list(
            "/api/cluster/requests",
            &[("status", "all".to_owned())],
            usize::MAX,
        )
        .await?;
    let items = requests
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Ok(id) = Uuid::try_parse(request) {
        let found = items.into_iter().find(|item| id_of(item) == Some(id));
        return found.ok_or_else(|| nothing(request));
    }
    let is_meant = |item: &Value| {
        text(item, "name").as_deref() == Some(request) && text(item, "status").as_deref() == Some("pending")
    };
    let mut meant = items.into_iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(nothing(request)),
        (Some(_), Some(_)) => Err(Failure::new(
            FaultKind::Invalid,
            format!("several machines want to be called {request}"),
        )
        .next_step("compare the words in `watchroom cluster requests` and give the id")),
    }
}

fn nothing(request: &str) -> Failure {
    Failure::new(FaultKind::NotFound, format!("no request of {request} waits"))
        .next_step("`watchroom cluster requests` shows them")
}

fn without_id() -> Failure {
    Failure::new(FaultKind::Internal, "the Host answered a request without an id")
}
