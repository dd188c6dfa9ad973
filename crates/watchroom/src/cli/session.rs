//! `watchroom session`: the browsers that people are signed in with.

use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::context::Context;
use super::user::find;
use crate::failure::Failure;
use crate::output::Column;

/// List and end the sessions of people
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List the sessions of a person, the one used last first
    #[command(after_help = "Example:\n  watchroom session list alice")]
    List {
        /// Their name or id
        user: String,
    },
    /// End a session of a person, or all of them
    #[command(after_help = "Example:\n  watchroom session end alice --all")]
    End {
        /// Their name or id
        user: String,
        /// The id of the session
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        session: Option<Uuid>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
}

const LIST: &[Column] = &[
    Column::new("BROWSER", "user_agent"),
    Column::new("ADDRESS", "source_ip"),
    Column::new("BEGAN", "created_at"),
    Column::new("LAST SEEN", "last_seen"),
    Column::new("UNTIL", "expires_at"),
    Column::new("ID", "id"),
];

impl Session {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::List { user } => {
                let client = context.client()?;
                let id = find(&client, &user).await?;
                let path = format!("/api/users/{id}/sessions");
                let sessions = client.list(&path, &[], usize::MAX).await?;
                context.output.list(&sessions, LIST)
            }
            Self::End { user, session, all } => {
                let client = context.client()?;
                let id = find(&client, &user).await?;
                let (path, sentence) = match (session, all) {
                    (Some(session), false) => (
                        format!("/api/users/{id}/sessions/{session}"),
                        format!("The session of {user} has ended."),
                    ),
                    (None, true) => (
                        format!("/api/users/{id}/sessions"),
                        format!("All sessions of {user} have ended."),
                    ),
                    _ => return Err(Failure::new(FaultKind::Invalid, "name one session, or --all")),
                };
                let answer: Value = client.delete(&path).await?;
                context.output.done(&sentence, &answer)
            }
        }
    }
}
