//! `watchroom user`: the people of a Host.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::{ExposeSecret, FaultKind};

use super::context::Context;
use super::node::id_of;
use super::secret;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

/// See, create and change people
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Create a person
    #[command(after_help = "Example:\n  watchroom user create alice --role admin --password-file -")]
    Create {
        /// What they sign in with
        name: String,
        /// Their first role
        #[arg(long, default_value = "viewer")]
        role: String,
        /// Read their password from this file (`-`: standard input or a prompt); without it the Host decides
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List people
    #[command(after_help = "Example:\n  watchroom user list")]
    List,
    /// Show one person
    #[command(after_help = "Example:\n  watchroom user show alice")]
    Show {
        /// Their name or id
        user: String,
    },
    /// Keep a person out and end their sessions
    #[command(after_help = "Example:\n  watchroom user disable alice")]
    Disable {
        /// Their name or id
        user: String,
    },
    /// Let a disabled person in again
    #[command(after_help = "Example:\n  watchroom user enable alice")]
    Enable {
        /// Their name or id
        user: String,
    },
    /// Remove all second factors of a person who lost them, and end their sessions
    #[command(after_help = "Example:\n  watchroom user reset-factors alice")]
    ResetFactors {
        /// Their name or id
        user: String,
    },
    /// Give a person a new password and end their sessions
    #[command(
        after_help = "Example:\n  watchroom user reset-password alice\n  watchroom user reset-password alice --password-file -"
    )]
    ResetPassword {
        /// Their name or id
        user: String,
        /// Read it from this file (`-`: standard input); without it there is a prompt
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("DISPLAY NAME", "display_name"),
    Column::new("STATUS", "status"),
    Column::new("ROLES", "roles"),
    Column::new("LAST SIGN-IN", "last_sign_in"),
];

const CARD: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ID", "id"),
    Column::new("DISPLAY NAME", "display_name"),
    Column::new("STATUS", "status"),
    Column::new("ROLES", "roles"),
    Column::new("E-MAIL", "email"),
    Column::new("CALL SIGN", "call_sign"),
    Column::new("FACTORS", "factors"),
    Column::new("LAST SIGN-IN", "last_sign_in"),
];

impl User {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::Create {
                name,
                role,
                password_file,
            } => create(context, &name, &role, password_file).await,
            Self::List => {
                let users = context.client()?.list("/api/users", &[], usize::MAX).await?;
                context.output.list(&users, LIST)
            }
            Self::Show { user } => {
                let client = context.client()?;
                let id = find(&client, &user).await?;
                let user = client.get(&format!("/api/users/{id}"), &[]).await?;
                context.output.thing(&user, CARD)
            }
            Self::Disable { user } => {
                change(
                    context,
                    &user,
                    "disable",
                    &json!({}),
                    "is disabled; their sessions have ended",
                )
                .await
            }
            Self::Enable { user } => change(context, &user, "enable", &json!({}), "may sign in again").await,
            Self::ResetFactors { user } => {
                let done = "has no second factor any more; their sessions have ended";
                change(context, &user, "reset-factors", &json!({}), done).await
            }
            Self::ResetPassword { user, password_file } => {
                let password =
                    secret::read_or_ask(password_file.as_deref(), "new password", "--password-file")?;
                let body = json!({ "password": password.expose_secret() });
                change(
                    context,
                    &user,
                    "reset-password",
                    &body,
                    "has a new password; their sessions have ended",
                )
                .await
            }
        }
    }
}

async fn create(mut context: Context, name: &str, role: &str, file: Option<PathBuf>) -> Result<(), Failure> {
    let mut body = json!({ "name": name, "role": role });
    if let Some(file) = file {
        let password = secret::read(&file, "password")?;
        if let Some(members) = body.as_object_mut() {
            members.insert("password".to_owned(), Value::from(password.expose_secret()));
        }
    }
    let created = context.client()?.post("/api/users", &body).await?;
    let sentence = match created.get("invitation").and_then(Value::as_str) {
        Some(code) => {
            format!("{name} was created with the role {role}. Their invitation, shown this once: {code}")
        }
        None => format!("{name} was created with the role {role}."),
    };
    context.output.done(&sentence, &created)
}

async fn change(
    mut context: Context,
    user: &str,
    verb: &str,
    body: &Value,
    done: &str,
) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, user).await?;
    let answer = client.post(&format!("/api/users/{id}/{verb}"), body).await?;
    context.output.done(&format!("{user} {done}."), &answer)
}

/// The id of the person called `user`, by name (whatever the case) or id.
pub(super) async fn find(client: &Client, user: &str) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::try_parse(user) {
        return Ok(id);
    }
    let users = client.list("/api/users", &[], usize::MAX).await?;
    let items = users
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let is_named = |item: &&Value| {
        let name = item.get("name").and_then(Value::as_str);
        name.is_some_and(|name| name.to_lowercase() == user.to_lowercase())
    };
    items.iter().find(is_named).and_then(id_of).ok_or_else(|| {
        Failure::new(FaultKind::NotFound, format!("there is nobody called {user}"))
            .next_step("`watchroom user list` shows everybody")
    })
}
