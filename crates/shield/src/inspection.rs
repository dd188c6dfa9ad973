//! Input inspection: what a request says is read for attacks, in path, query and a few headers by the pass, in forms
//! and JSON when the application has read the body. Nothing that handlers see is changed.

mod fields;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
pub use watchroom_inspect::{Class as AttackClass, Rule as AttackRule};
use watchroom_kit::FieldFault;

use crate::events::Seen;
use crate::heads::Heads;
use crate::{Network, Passed, RouteClass, RouteRule, Shield};
use fields::{Fields, Verdicts};

/// The `shield.inspection` part of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectionConfig {
    /// Kinds of routes where what looks like an attack is let through and only reported. Default: none.
    pub report_only: Vec<RouteClass>,
}

/// Whether a route's input is inspected. What is inspected is refused or reported, as the configuration says for its
/// kind of route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inspected {
    /// It is.
    #[default]
    Yes,
    /// It is not, for this reason.
    No(&'static str),
}

/// Something in a request that looks like an attack. It holds nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spotted {
    /// Where: `path`, `header referer`, or the name of a field, nested with dots.
    pub field: String,
    /// The rule that was met.
    pub rule: AttackRule,
    /// How sure, from 50 to 100.
    pub score: u8,
    /// Whether the request was refused for it.
    pub is_refused: bool,
}

impl Spotted {
    /// The kind of attack.
    #[must_use]
    pub fn class(&self) -> AttackClass {
        self.rule.class()
    }

    /// The field at fault, as problem documents name it.
    #[must_use]
    pub fn fault(&self) -> FieldFault {
        let message = format!(
            "looks like {}; if it is none, put it in other words",
            self.class().words()
        );
        FieldFault::new(&self.field, self.class().name(), message)
    }
}

/// A [`Spotted`] with the request around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpottedEvent {
    /// What was spotted first.
    pub spotted: Spotted,
    /// The client; `::` if there were too many to tell apart.
    pub client: IpAddr,
    /// The whole network, if there were too many clients to tell those in it apart.
    pub among: Option<Network>,
    /// Whether it tells on the client; not if a page of somebody else may have made their browser ask.
    pub is_own_doing: bool,
    /// The kind of route.
    pub class: RouteClass,
    /// The first such request.
    pub request_id: Uuid,
    /// How many: one for the first, later the number of those that followed it within the minute.
    pub count: u64,
}

/// How often each class was refused and reported.
#[derive(Debug, Default)]
pub(crate) struct Counts([[AtomicU64; 2]; AttackClass::ALL.len()]);

impl Counts {
    pub(crate) fn add(&self, spotted: &Spotted) {
        let row = AttackClass::ALL
            .iter()
            .zip(&self.0)
            .find(|(class, _)| **class == spotted.class());
        if let Some((_, [refused, reported])) = row {
            let count = if spotted.is_refused { refused } else { reported };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Class, whether refused, how often.
    pub(crate) fn all(&self) -> impl Iterator<Item = (AttackClass, bool, u64)> {
        AttackClass::ALL
            .into_iter()
            .zip(&self.0)
            .flat_map(|(class, [refused, reported])| {
                [(true, refused), (false, reported)]
                    .map(|(is_refused, count)| (class, is_refused, count.load(Ordering::Relaxed)))
            })
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// JSON.
    Json,
}

/// How the input of one request is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rule: RouteRule,
    /// Nothing is refused.
    pub(crate) only_reports: bool,
}

impl Plan {
    /// Files that are the same for everybody and health are asked for in a few fixed words.
    fn is_off(self) -> bool {
        matches!(self.rule.inspected, Inspected::No(_))
            || matches!(self.rule.class, RouteClass::Static | RouteClass::Health)
    }
}

impl Shield {
    /// Inspects a body that the application has read. Whoever reads one calls this before using it; what is only
    /// reported is told here.
    ///
    /// # Errors
    /// [`Objection`], if the request is to be refused.
    pub fn inspect_body(&self, passed: &Passed, form: BodyForm, body: &[u8]) -> Result<(), Objection> {
        let plan = passed.plan;
        if plan.is_off() {
            return Ok(());
        }
        let read = read_body(plan, form, body);
        let Some(spotted) = read.spotted else {
            return read.unread.filter(|_| !plan.only_reports).map_or(Ok(()), Err);
        };
        let seen = Seen {
            client: passed.client,
            class: passed.class,
            request_id: passed.request_id,
            is_own_doing: passed.is_own_doing,
        };
        self.tell_of_spotted(&spotted, seen);
        if spotted.is_refused {
            return Err(Objection::Spotted(spotted));
        }
        read.unread.filter(|_| !plan.only_reports).map_or(Ok(()), Err)
    }
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// Something in it looks like an attack.
    Spotted(Spotted),
    /// There is more in it than is read for attacks, so that nobody knows what the rest is.
    TooMuch,
    /// It cannot be read to its end, so that nobody knows what the rest is.
    Unreadable,
}

/// What was found in a body.
pub(crate) struct ReadBody {
    pub(crate) spotted: Option<Spotted>,
    /// Why part of it was not read.
    pub(crate) unread: Option<Objection>,
}

/// Reads a body for attacks.
pub(crate) fn read_body(plan: Plan, form: BodyForm, body: &[u8]) -> ReadBody {
    let mut verdicts = Verdicts::new(plan);
    let mut fields = Fields::new(&mut verdicts);
    let is_readable = match form {
        BodyForm::Form => {
            fields.form(body);
            true
        }
        BodyForm::Json => fields.json(body),
    };
    let unread = match (verdicts.is_cut(), is_readable) {
        (true, _) => Some(Objection::TooMuch),
        (false, false) => Some(Objection::Unreadable),
        (false, true) => None,
    };
    ReadBody {
        spotted: verdicts.spotted(),
        unread,
    }
}

/// Inspects what a request says before its body.
pub(crate) fn inspect_head(
    plan: Plan,
    path: &str,
    query: Option<&str>,
    heads: &Heads<'_>,
) -> Option<Spotted> {
    if plan.is_off() {
        return None;
    }
    let is_plain_path =
        is_plain(path.as_bytes(), b"/") || is_plain(path.as_bytes(), b"/.") && !path.contains("..");
    // Words alone can be a query, and a name with a dot a file: `2+union+select+3`, `.htpasswd`.
    let is_plain_query = query.is_none_or(|query| is_plain(query.as_bytes(), b"=&") && !query.contains("--"));
    // Those that people's programs fill with texts of others, and those that proxies pass on. Cookies and credentials
    // are secrets; the rest is for the protocol and never stored or shown.
    let read = [
        ("header referer", heads.referer),
        ("header user-agent", heads.user_agent),
        ("header x-forwarded-for", heads.forwarded_for),
        ("header x-forwarded-host", heads.forwarded_host),
        ("header x-forwarded-proto", heads.forwarded_proto),
    ];
    let is_any_odd = read.iter().any(|(_, lines)| lines.any(is_odd));
    if is_plain_path && is_plain_query && !is_any_odd {
        return None;
    }
    let mut verdicts = Verdicts::new(plan);
    if !is_plain_path {
        verdicts.read("path", path.as_bytes());
        for segment in path.split('/') {
            verdicts.read("path", segment.as_bytes());
        }
    }
    if let Some(query) = query.filter(|_| !is_plain_query) {
        Fields::new(&mut verdicts).form(query.as_bytes());
    }
    for (field, lines) in read {
        for line in lines.each().filter(|line| is_odd(line)) {
            verdicts.read(field, line.as_bytes());
        }
    }
    verdicts.spotted()
}

/// Whether a line of a header has what no attack by one can do without: it ends somebody's text, opens an element, or is
/// encoded. A browser's name and the address it comes from hold none of these, as long as nobody asked for anything odd.
fn is_odd(line: &HeaderValue) -> bool {
    let is_odd = |byte: &u8| matches!(byte, b'\'' | b'"' | b'<' | b'>' | b'`' | b'\\' | b'%');
    line.as_bytes().iter().any(is_odd)
}

/// Letters, digits and dashes, and what else is usual here: most of what is asked for, left at one look.
fn is_plain(text: &[u8], usual: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || usual.contains(byte))
}
