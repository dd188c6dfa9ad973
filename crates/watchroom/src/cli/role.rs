//! `watchroom role`: what roles give.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use crate::failure::Failure;
use crate::output::Column;

const ROLES: &str = "/api/roles";

/// See, make and change roles
#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// List roles
    #[command(after_help = "Example:\n  watchroom role list")]
    List,
    /// Show what a role gives
    #[command(after_help = "Example:\n  watchroom role show operator")]
    Show {
        /// Its name
        role: String,
    },
    /// Make a role
    #[command(
        after_help = "Example:\n  watchroom role create night-watch --allow nodes:read --allow compute:control"
    )]
    Create {
        /// Its name
        role: String,
        #[command(flatten)]
        gives: Gives,
    },
    /// Change what a role gives: all that it is to give from now on
    #[command(after_help = "Example:\n  watchroom role change viewer --allow 'nodes:*' --dry-run")]
    Change {
        /// Its name
        role: String,
        #[command(flatten)]
        gives: Gives,
        /// Only show who would gain or lose what
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove a role that nobody holds, or put a built-in one back as it was
    #[command(after_help = "Example:\n  watchroom role remove night-watch")]
    Remove {
        /// Its name
        role: String,
    },
}

/// What a role is to give.
#[derive(Debug, Args)]
pub(super) struct Gives {
    /// A permission, `resource:*` or `*`; more than once for several
    #[arg(long, value_name = "PERMISSION")]
    allow: Vec<String>,
    /// Requests a minute its holders may make
    #[arg(long, default_value_t = 100)]
    per_minute: u32,
    /// Its holders must prove a second factor
    #[arg(long)]
    require_second_factor: bool,
}

impl Gives {
    fn body(&self) -> Value {
        json!({
            "permissions": self.allow,
            "per_minute": self.per_minute,
            "requires_second_factor": self.require_second_factor,
        })
    }
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("GIVES", "permissions"),
    Column::new("A MINUTE", "per_minute"),
    Column::new("BUILT IN", "is_built_in"),
    Column::new("CHANGED BY", "changed_by"),
];

const CARD: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("GIVES", "permissions"),
    Column::new("WRITTEN OUT", "gives"),
    Column::new("A MINUTE", "per_minute"),
    Column::new("SECOND FACTOR", "requires_second_factor"),
    Column::new("BUILT IN", "is_built_in"),
    Column::new("CHANGED BY", "changed_by"),
];

/// Of gains and losses.
pub(super) const DIFFERENCE: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("WOULD", "would"),
    Column::new("WHERE", "scope"),
    Column::new("WHAT", "permissions"),
];

impl Role {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::List => {
                let roles = client.list(ROLES, &[], usize::MAX).await?;
                context.output.list(&roles, LIST)
            }
            Self::Show { role } => {
                let role = client.get(&format!("{ROLES}/{role}"), &[]).await?;
                context.output.thing(&role, CARD)
            }
            Self::Create { role, gives } => {
                let made = client
                    .post(ROLES, &json!({ "name": role, "role": gives.body() }))
                    .await?;
                context.output.done(&format!("The role {role} is made."), &made)
            }
            Self::Change {
                role,
                gives,
                dry_run: true,
            } => {
                let answer = client
                    .post(&format!("{ROLES}/{role}/what-if"), &gives.body())
                    .await?;
                context.output.list(&differences(&answer), DIFFERENCE)
            }
            Self::Change { role, gives, .. } => {
                let changed = client.post(&format!("{ROLES}/{role}"), &gives.body()).await?;
                context
                    .output
                    .done(&format!("The role {role} gives that from now on."), &changed)
            }
            Self::Remove { role } => {
                let answer = client.delete(&format!("{ROLES}/{role}")).await?;
                context.output.done(
                    &format!("The role {role} is removed, or as it was built in."),
                    &answer,
                )
            }
        }
    }
}

/// Gains and losses as one list.
pub(super) fn differences(answer: &Value) -> Value {
    let of = |member: &str, would: &str| {
        let all = answer
            .get(member)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        all.into_iter()
            .map(|mut one| {
                if let Some(members) = one.as_object_mut() {
                    members.insert("would".to_owned(), would.into());
                }
                one
            })
            .collect::<Vec<_>>()
    };
    let all = [of("gains", "gain"), of("loses", "lose")].concat();
    json!({ "items": all })
}
