//! The pages themselves.

use time::OffsetDateTime;
use time::macros::format_description;
use watchroom_audit::Entry;
use watchroom_link::LinkState;
use watchroom_model::{Desired, ServerName, ServerReport, ServerStatus};

use super::Room;
use super::answers::Guest;
use super::markup::Markup;

/// Everything there is to see for whoever is signed in.
pub(super) fn overview(room: &Room, guest: &Guest, notice: Option<&str>) -> String {
    let portrait = &room.parts.portrait;
    let mut page = begin(&portrait.name);
    form(&mut page, "leave", guest, "Sign out", "quiet");
    page.raw("</header><main>");
    if let Some(notice) = notice {
        page.raw("<p class=\"notice\" role=\"status\">")
            .text(notice)
            .raw("</p>");
    }
    page.raw("<h1>").text(&portrait.name).raw("</h1>");
    links(&mut page, room);
    servers(&mut page, &room.parts.supervisor.servers(), guest);
    events(&mut page, &room.parts.supervisor.latest());
    identity(&mut page, room);
    page.raw("</main>");
    end(page)
}

/// How one gets in.
pub(super) fn stranger(name: &str, why: &str) -> String {
    let mut page = begin(name);
    page.raw("</header><main><h1>")
        .text(name)
        .raw("</h1><p>")
        .text(why)
        .raw(
            "</p><p>On this machine, as root or as the agent's own account, run:</p>\
         <pre><code>watchroom node open</code></pre>\
         <p>and open the link that it prints. It works once, for five minutes.</p></main>",
        );
    end(page)
}

/// One sentence.
pub(super) fn plain(name: &str, text: &str) -> String {
    let mut page = begin(name);
    page.raw("</header><main><h1>")
        .text(name)
        .raw("</h1><p>")
        .text(text)
        .raw("</p><p><a href=\"/\">To the node's page</a></p></main>");
    end(page)
}

fn begin(name: &str) -> Markup {
    let mut page = Markup::default();
    page.raw(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/style.css\"><link rel=\"icon\" href=\"data:,\"><title>",
    )
    .text(name)
    .raw(" - Watchroom node</title></head><body><header><span class=\"brand\">Watchroom <span>node</span></span>");
    page
}

fn end(mut page: Markup) -> String {
    page.raw("</body></html>");
    page.into_text()
}

fn links(page: &mut Markup, room: &Room) {
    page.raw("<section><h2>Link to the Host</h2><ul class=\"rows\">");
    for (address, state) in room.parts.links.borrow().iter() {
        page.raw("<li><span class=\"what\">").text(address).raw("</span>");
        match state {
            LinkState::Connecting => {
                page.raw("<span class=\"lamp warn\">connecting</span>");
            }
            LinkState::Up { since } => {
                page.raw("<span class=\"lamp ok\">up</span><span class=\"why\">since ");
                moment(page, *since);
                page.raw("</span>");
            }
            LinkState::Down { why, next_try } => {
                page.raw("<span class=\"lamp bad\">down</span><span class=\"why\">")
                    .text(&why.to_string())
                    .raw(". Next try ");
                moment(page, *next_try);
                page.raw("</span>");
            }
        }
        page.raw("</li>");
    }
    page.raw("</ul></section>");
}

fn servers(page: &mut Markup, servers: &[(ServerName, ServerReport)], guest: &Guest) {
    page.raw("<section><h2>Servers</h2>");
    if servers.is_empty() {
        page.raw(
            "<p class=\"muted\">This node keeps no servers yet; they are made at the Host.</p></section>",
        );
        return;
    }
    page.raw("<ul class=\"rows\">");
    for (name, report) in servers {
        let (word, lamp) = lamp(report.status);
        page.raw("<li><span class=\"what\">").text(name.as_str());
        page.raw("</span><span class=\"lamp ")
            .text(lamp)
            .raw("\">")
            .text(word);
        page.raw("</span><span class=\"why\">")
            .text(&report.reason)
            .raw("</span>");
        let (verb, label) = match report.desired {
            Desired::Running => ("stop", "Stop"),
            Desired::Stopped => ("start", "Start"),
        };
        form(page, &format!("servers/{}/{verb}", report.id), guest, label, verb);
        page.raw("</li>");
    }
    page.raw("</ul></section>");
}

const fn lamp(status: ServerStatus) -> (&'static str, &'static str) {
    match status {
        ServerStatus::Starting => ("starting", "warn"),
        ServerStatus::Running => ("running", "ok"),
        ServerStatus::Stopping => ("stopping", "warn"),
        ServerStatus::Stopped => ("stopped", "off"),
        ServerStatus::Failed => ("failed", "bad"),
        ServerStatus::CrashLoop => ("crash loop", "bad"),
        ServerStatus::Unknown => ("unknown", "warn"),
    }
}

fn events(page: &mut Markup, entries: &[Entry]) {
    page.raw("<section><h2>Last events</h2>");
    if entries.is_empty() {
        page.raw("<p class=\"muted\">Nothing was ordered here yet.</p></section>");
        return;
    }
    page.raw("<ol class=\"log\">");
    for entry in entries {
        page.raw("<li>");
        moment(page, entry.timestamp);
        page.raw(" <b>").text(&entry.action).raw("</b> ");
        let step = ["outcome", "why", "phase"]
            .iter()
            .find_map(|name| entry.extra.get(*name)?.as_str());
        page.text(step.unwrap_or_else(|| entry.result.word()));
        page.raw(" <span class=\"muted\">by ").text(&entry.user).raw(", ");
        page.text(&entry.resource).raw("</span></li>");
    }
    page.raw("</ol><p class=\"muted\">All of it, verified: <code>watchroom node audit</code></p></section>");
}

fn identity(page: &mut Markup, room: &Room) {
    let portrait = &room.parts.portrait;
    page.raw("<section><h2>This node</h2><dl>");
    let mut row = |name: &'static str, value: &str| {
        page.raw("<dt>")
            .raw(name)
            .raw("</dt><dd><code>")
            .text(value)
            .raw("</code></dd>");
    };
    row("State", room.state());
    row("Version", env!("CARGO_PKG_VERSION"));
    row("Id", &portrait.node);
    row("Cluster", &portrait.cluster);
    row("Key, SHA-256", &portrait.key.to_string());
    for authority in &portrait.authorities {
        row("Cluster CA that it trusts, SHA-256", &authority.to_string());
    }
    page.raw("</dl></section>");
}

fn form(page: &mut Markup, path: &str, guest: &Guest, label: &'static str, class: &str) {
    page.raw("<form method=\"post\" action=\"/").text(path);
    page.raw("\"><input type=\"hidden\" name=\"csrf_token\" value=\"")
        .text(&guest.form_token);
    page.raw("\"><button class=\"")
        .text(class)
        .raw("\">")
        .raw(label)
        .raw("</button></form>");
}

/// A time, in UTC: the page has no script that could know the reader's zone.
fn moment(page: &mut Markup, at: OffsetDateTime) {
    let at = at.to_offset(time::UtcOffset::UTC);
    let shown = at.format(format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second] UTC"
    ));
    // Every time between the years 0 and 9999 has this form.
    page.raw("<time>").text(&shown.unwrap_or_default()).raw("</time>");
}
