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
    /// Invite somebody, who chooses their own name and password
    #[command(after_help = "Example:\n  watchroom user invite --role viewer --email ada@home.example")]
    Invite {
        /// Their role
        #[arg(long, default_value = "viewer")]
        role: String,
        /// Where the link goes; without it, or where no mail is sent, it is printed this once
        #[arg(long)]
        email: Option<String>,
    },
    /// List invitations that wait
    #[command(after_help = "Example:\n  watchroom user invitations")]
    Invitations,
    /// Take an invitation back
    #[command(after_help = "Example:\n  watchroom user uninvite 0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f")]
    Uninvite {
        /// The id of the invitation
        invitation: Uuid,
    },
    /// Let a person choose a new password by a link that works once
    #[command(after_help = "Example:\n  watchroom user reset-link alice --mail")]
    ResetLink {
        /// Their name or id
        user: String,
        /// Send it by mail; without it the link is printed this once
        #[arg(long)]
        mail: bool,
    },
    /// Set where mail reaches a person
    #[command(after_help = "Example:\n  watchroom user set-email alice alice@home.example")]
    SetEmail {
        /// Their name or id
        user: String,
        /// The address; without one they have none
        email: Option<String>,
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
    /// Hand over all that is held about a person, without secrets, as JSON
    #[command(after_help = "Example:\n  watchroom user export alice > alice.json")]
    Export {
        /// Their name or id
        user: String,
    },
    /// Erase a person for good: their account, what is theirs, and their name elsewhere
    #[command(after_help = "Example:\n  watchroom user erase alice")]
    Erase {
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

const INVITATIONS: &[Column] = &[
    Column::new("ROLE", "role"),
    Column::new("MAILED TO", "email"),
    Column::new("BY", "made_by"),
    Column::new("UNTIL", "expires_at"),
    Column::new("ID", "id"),
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
            Self::Invite { role, email } => {
                let body = json!({ "role": role, "email": email });
                let issued = context.client()?.post("/api/users/invitations", &body).await?;
                told(&mut context, &issued, "The invitation")
            }
            Self::Invitations => {
                let all = context
                    .client()?
                    .list("/api/users/invitations", &[], usize::MAX)
                    .await?;
                context.output.list(&all, INVITATIONS)
            }
            Self::Uninvite { invitation } => {
                let path = format!("/api/users/invitations/{invitation}");
                let answer = context.client()?.delete(&path).await?;
                context
                    .output
                    .done("The invitation opens nothing any more.", &answer)
            }
            Self::ResetLink { user, mail } => {
                let client = context.client()?;
                let id = find(&client, &user).await?;
                let path = format!("/api/users/{id}/reset-link");
                let issued = client.post(&path, &json!({ "mail": mail })).await?;
                told(&mut context, &issued, "The link to a new password")
            }
            Self::SetEmail { user, email } => {
                let done = match &email {
                    Some(email) => format!("gets mail at {email}"),
                    None => "gets no mail any more".to_owned(),
                };
                change(context, &user, "email", &json!({ "email": email }), &done).await
            }
            Self::List => {
                let users = context.client()?.list("/api/users", &[], usize::MAX).await?;
                context.output.list(&users, LIST)
            }
            Self::Show { user } => show(context, &user).await,
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
            Self::Export { user } => export(context, &user).await,
            Self::Erase { user } => erase(context, &user).await,
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

async fn show(mut context: Context, user: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, user).await?;
    let user = client.get(&format!("/api/users/{id}"), &[]).await?;
    context.output.thing(&user, CARD)
}

async fn export(mut context: Context, user: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, user).await?;
    let held = client.get(&format!("/api/users/{id}/export"), &[]).await?;
    context.output.whole(&held)
}

/// Erases somebody, once their name was typed again.
async fn erase(mut context: Context, user: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, user).await?;
    let person = client.get(&format!("/api/users/{id}"), &[]).await?;
    let name = person.get("name").and_then(Value::as_str).unwrap_or_default();
    let what = format!("{name} is erased for good: the account, what is theirs, and their name elsewhere.");
    context.confirm(&what, name)?;
    let erased = client
        .post(&format!("/api/users/{id}/erase"), &json!({ "confirm": name }))
        .await?;
    let sentence = match erased.get("is_cleared").and_then(Value::as_bool) {
        Some(true) => format!("{name} is erased."),
        _ => format!(
            "{name} is erased from the tables; the database's files forget it when the Host is restarted."
        ),
    };
    context.output.done(&sentence, &erased)
}

/// Where a link went, or the link itself, this once.
fn told(context: &mut Context, issued: &Value, what: &str) -> Result<(), Failure> {
    let member = |name| issued.get(name).and_then(Value::as_str);
    let sentence = match (member("mailed_to"), member("link")) {
        (Some(address), _) => format!("{what} is on its way to {address}."),
        (None, link) => format!("{what}, shown this once: {}", link.unwrap_or_default()),
    };
    context.output.done(&sentence, issued)
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
