//! Entries of the log with names in the place of ids, where what they name is still there.

use watchroom_model::{NodeId, ServerId, UserId};
use watchroom_policy::{ResourceKind, act};
use watchroom_records::EntryView;

use crate::Panel;
use crate::text::EN;
use crate::view::deed::{Deed, Ending, Named, phrase};
use crate::viewer::Viewer;

/// Characters of an id that still tell one from another to an eye.
const SHORT: usize = 8;

/// The entry as a sentence for this viewer: links lead only where they may go.
pub(super) fn deed(viewer: &Viewer, panel: &Panel, entry: &EntryView) -> Deed {
    let ending = ending(entry);
    let told = word(entry, "what").filter(|_| entry.action == "host.keep_house");
    Deed {
        who: actor(viewer, panel, &entry.user),
        what: told.map_or_else(|| phrase(&entry.action, ending), str::to_owned),
        on: thing(viewer, panel, &entry.resource).or_else(|| not_there_yet(&entry.action)),
        note: note(entry, ending),
        action: entry.action.clone(),
        ending,
    }
}

fn ending(entry: &EntryView) -> Ending {
    match entry.result.word() {
        "success" if word(entry, "phase") == Some("intent") => Ending::Asked,
        "success" => Ending::Done,
        "denied" => Ending::Denied,
        _ => Ending::Failed,
    }
}

fn word<'a>(entry: &'a EntryView, name: &str) -> Option<&'a str> {
    entry.extra.get(name)?.as_str()
}

/// What else is worth a glance: a change of state with its reason, or why it failed.
fn note(entry: &EntryView, ending: Ending) -> String {
    let change = word(entry, "before")
        .zip(word(entry, "after"))
        .map(|(before, after)| format!("{before} → {after}").replace('_', " "));
    let why = match ending {
        Ending::Failed => word(entry, "outcome").or_else(|| word(entry, "why")),
        Ending::Denied => word(entry, "why"),
        Ending::Done if word(entry, "outcome") == Some("already_so") => Some(EN.deed_already_so),
        Ending::Asked | Ending::Done => word(entry, "reason"),
    };
    let parts: Vec<_> = [change.as_deref(), why].into_iter().flatten().collect();
    parts.join(": ")
}

/// Who: a person by name, and by what they acted.
fn actor(viewer: &Viewer, panel: &Panel, user: &str) -> Named {
    let (id, through) = user
        .split_once(' ')
        .map_or((user, None), |(id, by)| (id, Some(by)));
    let mut named = match id {
        "anonymous" => plain(EN.who_anonymous),
        "system" => plain(EN.who_system),
        id if id.starts_with("node:") => thing(viewer, panel, id).unwrap_or_else(|| plain(EN.who_system)),
        id => match (id.strip_prefix("local:"), person(panel, id)) {
            (Some(os_user), _) => plain(&EN.who_local(os_user)),
            (None, Some(name)) => plain(&name),
            (None, None) => plain(&short(id)),
        },
    };
    if through.is_some_and(|by| by.starts_with("token:")) {
        named.words = EN.who_by_token(named.words);
    }
    user.clone_into(&mut named.exact);
    named
}

/// What it was done to, unless that goes without saying.
fn thing(viewer: &Viewer, panel: &Panel, resource: &str) -> Option<Named> {
    let (kind, id) = resource.split_once(':')?;
    let mut named = match kind {
        kind if kind == ResourceKind::Server.word() => server(viewer, panel, id),
        kind if kind == ResourceKind::Node.word() => node(viewer, panel, id),
        kind if kind == ResourceKind::User.word() => person(panel, id).map(|name| plain(&name)),
        kind if kind == ResourceKind::Token.word() => Some(plain(&short(id))),
        // A session is never more than the one its person has or had.
        kind if kind == ResourceKind::Session.word() => return None,
        _ => None,
    }
    .unwrap_or_else(|| plain(&format!("{kind} {}", short(id))));
    resource.clone_into(&mut named.exact);
    Some(named)
}

/// What was to be made, where it never got an id.
fn not_there_yet(action: &str) -> Option<Named> {
    (action == "server.create").then(|| plain(EN.a_server))
}

fn server(viewer: &Viewer, panel: &Panel, id: &str) -> Option<Named> {
    let id: ServerId = id.parse().ok()?;
    let server = panel.fleet.server(id)?;
    let mut named = plain(server.spec().name.as_str());
    if viewer.may(act::ShowServer, &*server) {
        named.href = format!("/servers/{id}");
    }
    Some(named)
}

fn node(viewer: &Viewer, panel: &Panel, id: &str) -> Option<Named> {
    let id: NodeId = id.parse().ok()?;
    let node = panel.fleet.node(id)?;
    let mut named = plain(node.name().as_str());
    if viewer.may(act::ShowNode, &*node) {
        named.href = format!("/nodes/{id}");
    }
    Some(named)
}

fn person(panel: &Panel, id: &str) -> Option<String> {
    let user: UserId = id.parse().ok()?;
    panel.identity().name_of(user).map(|name| name.to_string())
}

fn plain(words: &str) -> Named {
    Named {
        words: words.to_owned(),
        ..Named::default()
    }
}

/// The end of an id: the beginning of a UUIDv7 is its time, which neighbours share.
fn short(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(SHORT);
    let end: String = id.chars().skip(skipped).collect();
    if skipped > 0 { format!("…{end}") } else { end }
}
