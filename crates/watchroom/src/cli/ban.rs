//! `watchroom ban`: who is kept out.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;
use watchroom_model::JailedAddress;

use super::context::Context;
use super::duration;
use super::node::id_of;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

/// List, add, lift and confirm bans
#[derive(Debug, Subcommand)]
pub(super) enum Ban {
    /// List the bans that hold, or wait to be confirmed
    #[command(after_help = "Example:\n  watchroom ban list --all\n  watchroom ban list --fail2ban")]
    List {
        /// Those that are over or were lifted too
        #[arg(long)]
        all: bool,
        /// Those of this machine's fail2ban instead
        #[arg(long, conflicts_with = "all")]
        fail2ban: bool,
    },
    /// Ban an address or a network
    #[command(after_help = "Example:\n  watchroom ban add 192.0.2.7 --for 4h --reason \"tries passwords\"")]
    Add(Add),
    /// Lift a ban
    #[command(after_help = "Example:\n  watchroom ban lift 192.0.2.7")]
    Lift {
        /// An address or network as the list shows it, or the id of a ban
        ban: String,
        /// That of this machine's fail2ban instead
        #[arg(long)]
        fail2ban: bool,
    },
    /// Let a held ban hold although it hits one's own people or machines
    #[command(after_help = "Example:\n  watchroom ban confirm 192.0.2.0/24")]
    Confirm {
        /// An address or network as the list shows it, or the id of a ban
        ban: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// An address, or a network such as 192.0.2.0/24
    network: String,
    /// Why
    #[arg(long)]
    reason: String,
    /// How long [default: until it is lifted]
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    lasts: Option<Duration>,
    /// What it keeps out
    #[arg(long, value_enum, default_value_t = KeptFrom::Everything)]
    from: KeptFrom,
}

/// What a ban keeps out.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeptFrom {
    /// Everything
    Everything,
    /// Signing in, and whoever is not signed in
    SignIn,
}

const LIST: &[Column] = &[
    Column::new("NETWORK", "network"),
    Column::new("FROM", "kind"),
    Column::new("STATUS", "status"),
    Column::new("UNTIL", "until"),
    Column::new("REASON", "reason"),
    Column::new("BY", "made_by"),
    Column::new("WOULD HIT", "held_because"),
    Column::new("ID", "id"),
];

const JAIL: &[Column] = &[
    Column::new("ADDRESS", "address"),
    Column::new("SINCE", "since"),
    Column::new("UNTIL", "until"),
];

impl Ban {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::List { fail2ban: true, .. } => {
                let mut jail = context.client()?.get("/api/security/fail2ban", &[]).await?;
                let banned = jail.get_mut("banned").map(Value::take);
                let list = json!({ "items": banned.unwrap_or_else(|| json!([])) });
                context.output.list(&list, JAIL)
            }
            Self::List { all, .. } => {
                let status = if all { "all" } else { "" };
                let bans = list(&context.client()?, status).await?;
                context.output.list(&bans, LIST)
            }
            Self::Add(add) => add.run(context).await,
            Self::Lift { ban, fail2ban: true } => {
                let address: JailedAddress = ban
                    .parse()
                    .map_err(|error| Failure::new(FaultKind::Invalid, format!("{ban:?} is not {error}")))?;
                let client = context.client()?;
                let lift = json!({ "address": address });
                let answer = client.post("/api/security/fail2ban/lift", &lift).await?;
                let sentence = match answer.get("outcome").and_then(Value::as_str) {
                    Some("already_so") => format!("{address} was not in fail2ban's jail."),
                    _ => format!("{address} is let out of fail2ban's jail."),
                };
                context.output.done(&sentence, &answer)
            }
            Self::Lift { ban, .. } => {
                let client = context.client()?;
                let mut answer = Value::Null;
                for id in find(&client, &ban, "").await? {
                    answer = client.delete(&format!("/api/security/bans/{id}")).await?;
                }
                context
                    .output
                    .done(&format!("The ban of {ban} is lifted."), &answer)
            }
            Self::Confirm { ban } => {
                let client = context.client()?;
                let mut answer = Value::Null;
                for id in find(&client, &ban, "held").await? {
                    let path = format!("/api/security/bans/{id}/confirm");
                    answer = client.post(&path, &json!({})).await?;
                }
                context
                    .output
                    .done(&format!("The ban of {ban} holds now."), &answer)
            }
        }
    }
}

impl Add {
    async fn run(self, mut context: Context) -> Result<(), Failure> {
        let kind = match self.from {
            KeptFrom::Everything => "attack",
            KeptFrom::SignIn => "sign_in",
        };
        let mut body = json!({ "network": self.network, "kind": kind, "reason": self.reason });
        if let (Some(members), Some(lasts)) = (body.as_object_mut(), self.lasts) {
            members.insert("for_s".to_owned(), lasts.as_secs().into());
        }
        let ban = context.client()?.post("/api/security/bans", &body).await?;
        let text = |name: &str| {
            ban.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (network, status) = (text("network"), text("status"));
        let sentence = match status.as_str() {
            "held" => format!(
                "The ban of {network} is held: it would hit {}. `watchroom ban confirm {network}` lets it hold.",
                text("held_because")
            ),
            _ => format!("{network} is banned."),
        };
        context.output.done(&sentence, &ban)
    }
}

async fn list(client: &Client, status: &str) -> Result<Value, Failure> {
    let query = [("status", status.to_owned())];
    Ok(client.list("/api/security/bans", &query, usize::MAX).await?)
}

/// The bans of that id, address or network.
async fn find(client: &Client, ban: &str, status: &str) -> Result<Vec<Uuid>, Failure> {
    if let Ok(id) = Uuid::try_parse(ban) {
        return Ok(vec![id]);
    }
    let bans = list(client, status).await?;
    let items = bans
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let is_meant = |item: &&Value| {
        let network = item.get("network").and_then(Value::as_str).unwrap_or_default();
        network == ban || network == alone(ban)
    };
    let meant: Vec<Uuid> = items.iter().filter(is_meant).filter_map(id_of).collect();
    if meant.is_empty() {
        let cause = format!("there is no ban of {ban}");
        return Err(Failure::new(FaultKind::NotFound, cause)
            .next_step("`watchroom ban list` shows them; one may cover a wider network"));
    }
    Ok(meant)
}

/// An address as the network that is banned for it: of IPv6 the /64.
fn alone(text: &str) -> String {
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => {
            let network = std::net::Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
        Err(_) => text.to_owned(),
    }
}
