//! `watchroom lockout`: whose sign-in is locked.

use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::context::Context;
use super::node::id_of;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

const LOCKOUTS: &str = "/api/lockouts";

/// List and lift lockouts
#[derive(Debug, Subcommand)]
pub(super) enum Lockout {
    /// List the accounts whose sign-in is locked, and for whom
    #[command(after_help = "Example:\n  watchroom lockout list --all")]
    List {
        /// Those that are over or were lifted too
        #[arg(long)]
        all: bool,
    },
    /// Lift all lockouts of a person, or one of them
    #[command(after_help = "Example:\n  watchroom lockout lift alice")]
    Lift {
        /// A user name, or the id of a lockout
        lockout: String,
    },
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("LOCKED FOR", "scope"),
    Column::new("NETWORK", "network"),
    Column::new("FAILURES", "failures"),
    Column::new("UNTIL", "until"),
    Column::new("ID", "id"),
];

impl Lockout {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::List { all } => {
                let status = if all { "all" } else { "" };
                let query = [("status", status.to_owned())];
                let lockouts = context.client()?.list(LOCKOUTS, &query, usize::MAX).await?;
                context.output.list(&lockouts, LIST)
            }
            Self::Lift { lockout } => {
                let client = context.client()?;
                let mut answer = Value::Null;
                for id in find(&client, &lockout).await? {
                    answer = client.delete(&format!("{LOCKOUTS}/{id}")).await?;
                }
                let sentence = format!("The lockout of {lockout} is lifted.");
                context.output.done(&sentence, &answer)
            }
        }
    }
}

/// The lockout of that id, or all that hold for that name.
async fn find(client: &Client, lockout: &str) -> Result<Vec<Uuid>, Failure> {
    if let Ok(id) = Uuid::try_parse(lockout) {
        return Ok(vec![id]);
    }
    let listed = client.list(LOCKOUTS, &[], usize::MAX).await?;
    let items = listed.get("items").and_then(Value::as_array);
    let is_theirs = |item: &&Value| {
        let name = item.get("name").and_then(Value::as_str);
        name.is_some_and(|name| name.eq_ignore_ascii_case(lockout))
    };
    let theirs: Vec<Uuid> = items
        .into_iter()
        .flatten()
        .filter(is_theirs)
        .filter_map(id_of)
        .collect();
    if theirs.is_empty() {
        let cause = format!("nothing is locked for {lockout}");
        return Err(
            Failure::new(FaultKind::NotFound, cause).next_step("`watchroom lockout list` shows what is")
        );
    }
    Ok(theirs)
}
