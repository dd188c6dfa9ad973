//! `watchroom grant`: who holds which role, where; and `watchroom who-can`.

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::context::Context;
use super::user;
use crate::failure::Failure;
use crate::output::Column;

const GRANTS: &str = "/api/grants";

/// See, give and take roles
#[derive(Debug, Subcommand)]
pub(super) enum Grant {
    /// List who holds which role, and where
    #[command(after_help = "Example:\n  watchroom grant list --user alice")]
    List {
        /// Of this person alone
        #[arg(long)]
        user: Option<String>,
    },
    /// Give a person a role
    #[command(after_help = "Example:\n  watchroom grant give alice operator --at node-label:site=north")]
    Give {
        /// Their name or id
        user: String,
        /// The role
        role: String,
        /// Where it holds: everything, node:<id>, node-label:<key>=<value> or server:<id>
        #[arg(long, default_value = "everything", value_name = "SCOPE")]
        at: String,
    },
    /// Take a role from a person
    #[command(after_help = "Example:\n  watchroom grant take 0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f")]
    Take {
        /// The id of the grant
        grant: Uuid,
    },
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ROLE", "role"),
    Column::new("WHERE", "scope"),
    Column::new("BY PROVIDER", "given_by_provider"),
    Column::new("ID", "id"),
];

impl Grant {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::List { user } => {
                let of = match user {
                    Some(user) => user::find(&client, &user).await?.to_string(),
                    None => String::new(),
                };
                let grants = client.list(GRANTS, &[("user", of)], usize::MAX).await?;
                context.output.list(&grants, LIST)
            }
            Self::Give { user, role, at } => {
                let id = user::find(&client, &user).await?;
                let body = json!({ "user": id, "role": role, "scope": at });
                let given = client.post(GRANTS, &body).await?;
                context
                    .output
                    .done(&format!("{user} holds {role} at {at}."), &given)
            }
            Self::Take { grant } => {
                let answer = client.delete(&format!("{GRANTS}/{grant}")).await?;
                context.output.done("The role is taken from them.", &answer)
            }
        }
    }
}

/// List everybody who may do a thing, and by which grant
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  watchroom who-can compute:control --on server:0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f"
)]
pub(super) struct WhoCan {
    /// A permission, such as compute:control
    permission: String,
    /// On this thing alone: node:<id> or server:<id>
    #[arg(long, value_name = "THING")]
    on: Option<String>,
}

const MAY: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ROLE", "role"),
    Column::new("WHERE", "scope"),
    Column::new("GIVEN", "source"),
];

impl WhoCan {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let query = [
            ("permission", self.permission),
            ("on", self.on.unwrap_or_default()),
        ];
        let all = context.client()?.list("/api/who-can", &query, usize::MAX).await?;
        context.output.list(&all, MAY)
    }
}
