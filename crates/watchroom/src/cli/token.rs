//! `watchroom token`: API tokens.

mod decoy;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::context::Context;
use super::duration;
use super::node::id_of;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Column, Form};

/// Create, list and revoke API tokens
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Create a token; it is shown this once
    #[command(
        after_help = "Example:\n  watchroom token create --for alice --name ci --expires 1d --allow-sensitive -o json"
    )]
    Create(Create),
    /// List tokens
    #[command(after_help = "Example:\n  watchroom token list")]
    List,
    /// Make, list and remove decoys, which look like tokens and tell of whoever tries them
    #[command(subcommand)]
    Decoy(decoy::Decoy),
    /// Revoke a token
    #[command(after_help = "Example:\n  watchroom token revoke ci --for alice")]
    Revoke {
        /// Its name or id
        token: String,
        /// Whose, if several people have one of that name
        #[arg(long = "for", value_name = "USER")]
        owner: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// For whom it acts
    #[arg(long = "for", value_name = "USER")]
    owner: String,
    /// What it is called
    #[arg(long)]
    name: String,
    /// How long it is good [default: 90d]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    expires: Option<Duration>,
    /// A program of many people uses it, not its owner alone
    #[arg(long)]
    service: bool,
    /// Only this permission of its owner's (such as nodes:read or compute:*); may be repeated
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// Only from this network (such as 192.0.2.0/24); may be repeated
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// Let it do what else wants a fresh proof (approve nodes, remove servers, send to consoles)
    #[arg(long)]
    allow_sensitive: bool,
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ID", "id"),
    Column::new("OWNER", "owner_name"),
    Column::new("EXPIRES", "expires_at"),
    Column::new("LAST USED", "last_used"),
    Column::new("SENSITIVE", "may_be_sensitive"),
    Column::new("PERMISSIONS", "permissions"),
];

impl Token {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::Decoy(decoy) => decoy.run(context).await,
            Self::List => {
                let tokens = context.client()?.list("/api/tokens", &[], usize::MAX).await?;
                context.output.list(&tokens, LIST)
            }
            Self::Revoke { token, owner } => {
                let client = context.client()?;
                let id = find(&client, &token, owner.as_deref()).await?;
                let answer = client.delete(&format!("/api/tokens/{id}")).await?;
                context
                    .output
                    .done(&format!("The token {token} is revoked."), &answer)
            }
        }
    }
}

impl Create {
    /// What `POST /api/tokens` takes.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "user": self.owner, "name": self.name, "allow_sensitive": self.allow_sensitive, "is_service": self.service });
        if let Some(members) = body.as_object_mut() {
            let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
            if let Some(expires) = self.expires {
                add("expires_in_s", Value::from(expires.as_secs()));
            }
            if !self.permissions.is_empty() {
                add("permissions", json!(self.permissions));
            }
            if !self.networks.is_empty() {
                add("networks", json!(self.networks));
            }
        }
        body
    }

    async fn run(self, mut context: Context) -> Result<(), Failure> {
        let issued = context.client()?.post("/api/tokens", &self.body()).await?;
        if context.output.form() != Form::Table {
            return context.output.whole(&issued);
        }
        let token = issued
            .get("token")
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::new(FaultKind::Internal, "the Host answered without a token"))?;
        context.remark(&format!(
            "The token {} of {}, shown this once:",
            self.name, self.owner
        ));
        context.output.line(token)
    }
}

async fn find(client: &Client, token: &str, owner: Option<&str>) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::try_parse(token) {
        return Ok(id);
    }
    let tokens = client.list("/api/tokens", &[], usize::MAX).await?;
    let items = tokens
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_lowercase);
    let is_meant = |item: &&Value| {
        let is_theirs = owner.is_none_or(|owner| text(item, "owner_name") == Some(owner.to_lowercase()));
        is_theirs && text(item, "name") == Some(token.to_lowercase())
    };
    let meant: Vec<Uuid> = items.iter().filter(is_meant).filter_map(id_of).collect();
    match meant.as_slice() {
        [id] => Ok(*id),
        [] => Err(
            Failure::new(FaultKind::NotFound, format!("there is no token called {token}"))
                .next_step("`watchroom token list` shows them"),
        ),
        _ => Err(Failure::new(
            FaultKind::Invalid,
            format!("several people have a token called {token}"),
        )
        .next_step("add --for USER, or give its id")),
    }
}
