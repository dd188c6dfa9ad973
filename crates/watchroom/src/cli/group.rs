//! `watchroom group`: groups of people, who is in them and what they hold.

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::context::Context;
use super::node::id_of;
use super::role::{DIFFERENCE, differences};
use super::user;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

const GROUPS: &str = "/api/groups";

/// See, make and change groups of people, and what they hold
#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// List groups
    #[command(after_help = "Example:\n  watchroom group list")]
    List,
    /// Show who is in a group and what it holds
    #[command(after_help = "Example:\n  watchroom group show ops")]
    Show {
        /// Its name or id
        group: String,
    },
    /// Make a group, which is empty and holds nothing
    #[command(after_help = "Example:\n  watchroom group create ops")]
    Create {
        /// Its name
        group: String,
    },
    /// Give a group another name; rules of providers find it by that
    #[command(after_help = "Example:\n  watchroom group rename ops night-ops")]
    Rename {
        /// Its name or id
        group: String,
        /// What it is called from now on
        name: String,
    },
    /// Remove a group, with what its members held by it
    #[command(after_help = "Example:\n  watchroom group remove ops")]
    Remove {
        /// Its name or id
        group: String,
    },
    /// Put somebody into a group
    #[command(after_help = "Example:\n  watchroom group add ops alice --dry-run")]
    Add {
        /// Its name or id
        group: String,
        /// Their name or id
        user: String,
        /// Show who would gain or lose what, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take somebody out of a group
    #[command(after_help = "Example:\n  watchroom group drop ops alice")]
    Drop {
        /// Its name or id
        group: String,
        /// Their name or id
        user: String,
        /// Show who would gain or lose what, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Give a group a role
    #[command(after_help = "Example:\n  watchroom group give ops operator --at node-label:site=north")]
    Give {
        /// Its name or id
        group: String,
        /// The role
        role: String,
        /// Where it holds: everything, node:<id>, node-label:<key>=<value> or server:<id>
        #[arg(long, default_value = "everything", value_name = "SCOPE")]
        at: String,
        /// Show who would gain or lose what, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take a role from a group
    #[command(after_help = "Example:\n  watchroom group take ops 0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f")]
    Take {
        /// Its name or id
        group: String,
        /// The id of the grant, as `group show` has it
        grant: Uuid,
        /// Show who would gain or lose what, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("MEMBERS", "people"),
    Column::new("HOLDS", "holds"),
    Column::new("MADE BY", "made_by"),
    Column::new("ID", "id"),
];

const CARD: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("MEMBERS", "people"),
    Column::new("HOLDS", "held"),
    Column::new("MADE BY", "made_by"),
    Column::new("MADE", "created_at"),
    Column::new("ID", "id"),
];

impl Group {
    /// The group, and what would be done to it, where that is only to be shown.
    async fn only_shown(&self, client: &Client) -> Result<Option<(&str, Value)>, Failure> {
        let shown = match self {
            Self::Add {
                group,
                user,
                dry_run: true,
            } => (group, json!({ "add": [user::find(client, user).await?] })),
            Self::Drop {
                group,
                user,
                dry_run: true,
            } => (group, json!({ "remove": [user::find(client, user).await?] })),
            Self::Give {
                group,
                role,
                at,
                dry_run: true,
            } => (group, json!({ "give": [{ "role": role, "scope": at }] })),
            Self::Take {
                group,
                grant,
                dry_run: true,
            } => (group, json!({ "take": [grant] })),
            _ => return Ok(None),
        };
        Ok(Some((shown.0.as_str(), shown.1)))
    }

    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        if let Some((group, draft)) = self.only_shown(&client).await? {
            let id = find(&client, group).await?;
            let answer = client.post(&format!("{GROUPS}/{id}/what-if"), &draft).await?;
            return context.output.list(&differences(&answer), DIFFERENCE);
        }
        match self {
            Self::List => {
                let mut groups = client.list(GROUPS, &[], usize::MAX).await?;
                let items = groups.get_mut("items").and_then(Value::as_array_mut);
                items.into_iter().flatten().for_each(summarize);
                context.output.list(&groups, LIST)
            }
            Self::Show { group } => {
                let id = find(&client, &group).await?;
                let mut group = client.get(&format!("{GROUPS}/{id}"), &[]).await?;
                summarize(&mut group);
                context.output.thing(&group, CARD)
            }
            Self::Create { group } => {
                let made = client.post(GROUPS, &json!({ "name": group })).await?;
                context.output.done(&format!("The group {group} is made."), &made)
            }
            Self::Rename { group, name } => {
                let id = find(&client, &group).await?;
                let body = json!({ "name": name });
                let answer = client.post(&format!("{GROUPS}/{id}"), &body).await?;
                let said = format!("The group {group} is called {name} now.");
                context.output.done(&said, &answer)
            }
            Self::Remove { group } => {
                let id = find(&client, &group).await?;
                let answer = client.delete(&format!("{GROUPS}/{id}")).await?;
                let said = format!("The group {group} is removed.");
                context.output.done(&said, &answer)
            }
            Self::Add { group, user, .. } => {
                let (id, who) = (find(&client, &group).await?, user::find(&client, &user).await?);
                let body = json!({ "user": who });
                let answer = client.post(&format!("{GROUPS}/{id}/members"), &body).await?;
                context.output.done(&format!("{user} is in {group}."), &answer)
            }
            Self::Drop { group, user, .. } => {
                let (id, who) = (find(&client, &group).await?, user::find(&client, &user).await?);
                let answer = client.delete(&format!("{GROUPS}/{id}/members/{who}")).await?;
                let said = format!("{user} is in {group} no more.");
                context.output.done(&said, &answer)
            }
            Self::Give { group, role, at, .. } => {
                let id = find(&client, &group).await?;
                let body = json!({ "role": role, "scope": at });
                let answer = client.post(&format!("{GROUPS}/{id}/grants"), &body).await?;
                let said = format!("The group {group} holds {role} at {at}.");
                context.output.done(&said, &answer)
            }
            Self::Take { group, grant, .. } => {
                let id = find(&client, &group).await?;
                let answer = client.delete(&format!("{GROUPS}/{id}/grants/{grant}")).await?;
                context.output.done("The role is taken from the group.", &answer)
            }
        }
    }
}

/// The group of that name or id.
async fn find(client: &Client, group: &str) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::try_parse(group) {
        return Ok(id);
    }
    let groups = client.list(GROUPS, &[], usize::MAX).await?;
    let items = groups.get("items").and_then(Value::as_array);
    let is_named = |item: &&Value| item.get("name").and_then(Value::as_str) == Some(group);
    let found = items.into_iter().flatten().find(is_named).and_then(id_of);
    found.ok_or_else(|| {
        Failure::new(FaultKind::NotFound, format!("there is no group called {group}"))
            .next_step("`watchroom group list` shows all")
    })
}

/// Adds what tables show: names of people, and what is held as words.
fn summarize(group: &mut Value) {
    let all = |member: &str| {
        group
            .get(member)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let word = |of: &Value, member: &str| {
        of.get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let people: Vec<String> = all("members").iter().map(|one| word(one, "name")).collect();
    let grants = all("grants");
    let holds = |one: &Value| format!("{} at {}", word(one, "role"), word(one, "scope"));
    let named: Vec<String> = grants.iter().map(holds).collect();
    let held: Vec<String> = grants
        .iter()
        .map(|one| format!("{} ({})", holds(one), word(one, "id")))
        .collect();
    if let Some(members) = group.as_object_mut() {
        members.insert("people".to_owned(), json!(people));
        members.insert("holds".to_owned(), json!(named));
        members.insert("held".to_owned(), json!(held));
    }
}
