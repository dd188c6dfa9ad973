//! `watchroom lock`: people, tokens, nodes, roles or everything, out of use for a while.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::context::Context;
use super::node::id_of;
use super::{duration, node, user};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

const LOCKS: &str = "/api/locks";

/// Lock people, tokens, nodes, roles or everything for a while
#[derive(Debug, Subcommand)]
pub(super) enum Lock {
    /// Keep a person out: their sessions end, their tokens open nothing
    #[command(after_help = "Example:\n  watchroom lock user alice --for 2h --reason \"a stolen laptop\"")]
    User {
        /// Their name or id
        user: String,
        #[command(flatten)]
        terms: Terms,
    },
    /// Keep a token from opening anything
    #[command(
        after_help = "Example:\n  watchroom lock token 0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f --for 1d --reason \"seen in a log\""
    )]
    Token {
        /// The id of the token
        token: Uuid,
        #[command(flatten)]
        terms: Terms,
    },
    /// Cut a node's link; what runs there goes on
    #[command(
        after_help = "Example:\n  watchroom lock node hut-2 --for 30m --reason \"somebody is at the machine\""
    )]
    Node {
        /// Its name or id
        node: String,
        #[command(flatten)]
        terms: Terms,
    },
    /// Let a role give nothing; what its holders hold beside it they keep
    #[command(after_help = "Example:\n  watchroom lock role operator --for 1h --reason \"a drill\"")]
    Role {
        /// Its name
        role: String,
        #[command(flatten)]
        terms: Terms,
    },
    /// Let nobody do anything: only health and the Unix socket go on
    #[command(
        after_help = "Example:\n  watchroom lock everything --for 15m --reason \"a break-in\" --confirm"
    )]
    Everything {
        #[command(flatten)]
        terms: Terms,
    },
    /// List the locks that hold
    #[command(after_help = "Example:\n  watchroom lock list --all")]
    List {
        /// Those that are over or were lifted too
        #[arg(long)]
        all: bool,
    },
    /// Lift all locks on somebody or something, or one of them
    #[command(after_help = "Example:\n  watchroom lock lift alice\n  watchroom lock lift everything")]
    Lift {
        /// The name of a person or role, `everything`, or the id of a lock
        lock: String,
    },
}

/// For how long, and why.
#[derive(Debug, Args)]
pub(super) struct Terms {
    /// How long
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasts: Duration,
    /// Why
    #[arg(long)]
    reason: String,
    /// Even if it shuts out yourself or the last administrator
    #[arg(long)]
    confirm: bool,
}

const LIST: &[Column] = &[
    Column::new("ON", "target"),
    Column::new("NAME", "name"),
    Column::new("UNTIL", "until"),
    Column::new("REASON", "reason"),
    Column::new("BY", "made_by"),
    Column::new("ID", "id"),
];

impl Lock {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let (target, what, terms) = match self {
            Self::User { user, terms } => {
                let id = user::find(&client, &user).await?;
                (format!("user:{id}"), user, terms)
            }
            Self::Token { token, terms } => (format!("token:{token}"), format!("token {token}"), terms),
            Self::Node { node, terms } => {
                let id = node::find(&client, &node).await?;
                (format!("node:{id}"), format!("node {node}"), terms)
            }
            Self::Role { role, terms } => (format!("role:{role}"), format!("role {role}"), terms),
            Self::Everything { terms } => ("everything".to_owned(), "everything".to_owned(), terms),
            Self::List { all } => {
                let status = if all { "all" } else { "" };
                let query = [("status", status.to_owned())];
                let locks = client.list(LOCKS, &query, usize::MAX).await?;
                return context.output.list(&locks, LIST);
            }
            Self::Lift { lock } => {
                let mut answer = Value::Null;
                for id in find(&client, &lock).await? {
                    answer = client.delete(&format!("{LOCKS}/{id}")).await?;
                }
                return context
                    .output
                    .done(&format!("The lock on {lock} is lifted."), &answer);
            }
        };
        let Terms {
            lasts,
            reason,
            confirm,
        } = terms;
        let body =
            json!({ "target": target, "for_s": lasts.as_secs(), "reason": reason, "confirm": confirm });
        let lock = client.post(LOCKS, &body).await?;
        let until = lock.get("until").and_then(Value::as_str).unwrap_or_default();
        context
            .output
            .done(&format!("The lock on {what} holds until {until}."), &lock)
    }
}

/// The lock of that id, or all that hold on what is called that.
async fn find(client: &Client, lock: &str) -> Result<Vec<Uuid>, Failure> {
    if let Ok(id) = Uuid::try_parse(lock) {
        return Ok(vec![id]);
    }
    let listed = client.list(LOCKS, &[], usize::MAX).await?;
    let items = listed.get("items").and_then(Value::as_array);
    let is_meant = |item: &&Value| {
        let is = |member: &str| {
            let text = item.get(member).and_then(Value::as_str);
            text.is_some_and(|text| text.eq_ignore_ascii_case(lock))
        };
        is("name") || is("target")
    };
    let meant: Vec<Uuid> = items
        .into_iter()
        .flatten()
        .filter(is_meant)
        .filter_map(id_of)
        .collect();
    if meant.is_empty() {
        let cause = format!("no lock is on {lock}");
        return Err(
            Failure::new(FaultKind::NotFound, cause).next_step("`watchroom lock list` shows what is locked")
        );
    }
    Ok(meant)
}
