//! What browsers report: where something on a page was kept out by its Content-Security-Policy.
//!
//! Anybody can send a report, so nothing of one is believed. What is kept is the place, the directive and where the thing came
//! from; no query, no sample of its text. Of each kind one line is kept with a count, of all together a bounded number,
//! and of one address a few, so that nobody can push out what others saw.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::address::counted;
use crate::{Passed, Shield};

/// Most lines that are kept, and most of one address.
const MOST: usize = 100;
const MOST_OF_ONE: usize = 10;
/// Most violations that are read of one report.
const MOST_IN_ONE: usize = 16;
/// Longest path, and longest origin, that is one of a page.
const LONGEST: usize = 200;

/// The directives of a policy that something can violate (Content Security Policy Level 3).
const DIRECTIVES: [&str; 21] = [
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "font-src",
    "connect-src",
    "media-src",
    "object-src",
    "frame-src",
    "child-src",
    "worker-src",
    "manifest-src",
    "prefetch-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "require-trusted-types-for",
];

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportForm {
    /// `application/csp-report`, one violation (Content Security Policy Level 2).
    Single,
    /// `application/reports+json`, a list of reports of any kind (Reporting API).
    Batch,
}

impl ReportForm {
    /// The form that a media type names.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/csp-report") {
            Some(Self::Single)
        } else {
            is("application/reports+json").then_some(Self::Batch)
        }
    }
}

/// Why something is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is no JSON.
    #[error("the report is not valid JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another shape.
    #[error("the report is not of the shape that its media type names")]
    Shape,
}

/// Something that a browser kept out of a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The path of the page.
    pub page: String,
    /// The directive that kept it out.
    pub directive: &'static str,
    /// What was kept out: a word such as `inline` or `eval`, or scheme and host.
    pub blocked: String,
}

/// A violation and how often it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What.
    pub violation: Violation,
    /// How often, since it is kept.
    pub count: u64,
    /// When first, in microseconds of the clock.
    pub first_micros: i64,
    /// When last.
    pub last_micros: i64,
    /// Who reported it first; of IPv6 the network.
    pub client: IpAddr,
}

/// What was reported, by whoever.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<Vec<Reported>>);

impl Reports {
    fn add(&self, violation: Violation, client: IpAddr, now_micros: i64) {
        let client = counted(client);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.iter_mut().find(|known| known.violation == violation) {
            known.count = known.count.saturating_add(1);
            known.last_micros = now_micros;
            return;
        }
        let is_theirs = |known: &Reported| known.client == client;
        let of_them = kept.iter().filter(|known| is_theirs(known)).count();
        // Whoever has had their share pays for the next with their own oldest.
        let oldest = |mine: bool| {
            let lines = kept.iter().enumerate();
            let lines = lines.filter(|(_, known)| !mine || is_theirs(known));
            lines
                .min_by_key(|(_, known)| known.last_micros)
                .map(|(place, _)| place)
        };
        let goes = if of_them >= MOST_OF_ONE {
            oldest(true)
        } else {
            oldest(false).filter(|_| kept.len() >= MOST)
        };
        if let Some(place) = goes {
            kept.swap_remove(place);
        }
        kept.push(Reported {
            violation,
            count: 1,
            first_micros: now_micros,
            last_micros: now_micros,
            client,
        });
    }

    /// All that is kept, the last reported first.
    pub(crate) fn all(&self) -> Vec<Reported> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by_key(|reported| std::cmp::Reverse(reported.last_micros));
        all
    }
}

impl Shield {
    /// Takes what a browser reports. What is no violation on a page, or cannot be one, is left out.
    ///
    /// # Errors
    /// [`ReportError`] if it is no report at all.
    pub fn take_report(&self, passed: &Passed, form: ReportForm, body: &[u8]) -> Result<(), ReportError> {
        let violations = read(form, body)?;
        let now_micros = self.now_micros();
        for violation in violations {
            self.reports().add(violation, passed.client, now_micros);
        }
        Ok(())
    }

    /// What browsers reported since the start, as far as it is kept, the last reported first.
    #[must_use]
    pub fn violations(&self) -> Vec<Reported> {
        self.reports().all()
    }
}

/// The violations in a report.
pub(crate) fn read(form: ReportForm, body: &[u8]) -> Result<Vec<Violation>, ReportError> {
    let report: Value = serde_json::from_slice(body)?;
    match form {
        ReportForm::Single => {
            let single = report.get("csp-report").filter(|single| single.is_object());
            let single = single.ok_or(ReportError::Shape)?;
            let directive = text(single, "effective-directive").or(text(single, "violated-directive"));
            let found = violation(
                text(single, "document-uri"),
                directive,
                text(single, "blocked-uri"),
            );
            Ok(found.into_iter().collect())
        }
        ReportForm::Batch => {
            let batch = report.as_array().ok_or(ReportError::Shape)?;
            if !batch.iter().all(Value::is_object) {
                return Err(ReportError::Shape);
            }
            let bodies = batch
                .iter()
                .filter(|one| text(one, "type") == Some("csp-violation"))
                .filter_map(|one| one.get("body"))
                .take(MOST_IN_ONE);
            let read = |body: &Value| {
                let (page, directive) = (text(body, "documentURL"), text(body, "effectiveDirective"));
                violation(page, directive, text(body, "blockedURL"))
            };
            Ok(bodies.filter_map(read).collect())
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn violation(page: Option<&str>, directive: Option<&str>, blocked: Option<&str>) -> Option<Violation> {
    // Older browsers name the directive with all its sources.
    let directive = directive?.split_ascii_whitespace().next()?;
    let directive = DIRECTIVES.into_iter().find(|known| *known == directive)?;
    Some(Violation {
        page: path_of(page?)?.to_owned(),
        directive,
        blocked: origin_of(blocked.unwrap_or_default())?,
    })
}

/// The path of an address, without its query: those of ours are short and plain.
fn path_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let path = rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/");
    let path = path.split(['?', '#']).next()?;
    let is_plain = path.len() <= LONGEST && path.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then_some(path)
}

/// Scheme and host of an address, or the word that stands in its place.
fn origin_of(blocked: &str) -> Option<String> {
    let origin = match blocked.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            // A name and password before the host are nobody's business here.
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}")
        }
        // `inline`, `eval`, or a scheme alone as in `data:text/html,...`.
        None => blocked.split(':').next().unwrap_or_default().to_owned(),
    };
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:/[]+".contains(&byte);
    (origin.len() <= LONGEST && origin.bytes().all(is_usual)).then_some(origin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn single(page: &str, directive: &str, blocked: &str) -> Vec<Violation> {
        let report = json!({ "csp-report": {
            "document-uri": page, "violated-directive": directive, "blocked-uri": blocked, "script-sample": "alert(1)",
        } });
        read(ReportForm::Single, report.to_string().as_bytes()).unwrap()
    }

    fn found(page: &str, directive: &'static str, blocked: &str) -> Vec<Violation> {
        vec![Violation {
            page: page.to_owned(),
            directive,
            blocked: blocked.to_owned(),
        }]
    }

    #[test]
    fn a_report_is_read_down_to_its_place_and_origin() {
        let page = "https://panel.example:7443/nodes?secret=1#x";
        assert_eq!(
            single(
                page,
                "script-src-elem 'self'",
                "https://u:p@evil.example:8/x.js?key=1"
            ),
            found("/nodes", "script-src-elem", "https://evil.example:8")
        );
        assert_eq!(
            single(page, "script-src", "inline"),
            found("/nodes", "script-src", "inline")
        );
        assert_eq!(
            single("https://[::1]:7443", "img-src", "data:image/png;base64,AAAA"),
            found("/", "img-src", "data")
        );
        let batch = json!([
            { "type": "deprecation", "body": { "id": "x" } },
            { "type": "csp-violation", "body": {
                "documentURL": page, "effectiveDirective": "connect-src", "blockedURL": "wss://evil.example/x" } },
        ]);
        assert_eq!(
            read(ReportForm::Batch, batch.to_string().as_bytes()).unwrap(),
            found("/nodes", "connect-src", "wss://evil.example")
        );
    }

    #[test]
    fn what_cannot_be_is_left_out_and_what_is_no_report_is_an_error() {
        let page = "https://panel.example/nodes";
        let long = format!("https://panel.example/{}", "x".repeat(300));
        for (page, directive, blocked) in [
            (page, "made-up-src", "inline"),
            (page, "", "inline"),
            ("about:blank", "script-src", "inline"),
            ("https://panel.example/no\u{202e}des", "script-src", "inline"),
            (&long, "script-src", "inline"),
            (page, "script-src", "https://<b>/"),
            (page, "script-src", "two words"),
        ] {
            assert_eq!(
                single(page, directive, blocked),
                [],
                "{page} {directive} {blocked}"
            );
        }
        for (form, text) in [
            (ReportForm::Single, "{"),
            (ReportForm::Single, "[]"),
            (ReportForm::Single, r#"{"csp-report":1}"#),
            (ReportForm::Batch, "{}"),
            (ReportForm::Batch, "[1]"),
        ] {
            assert!(read(form, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn nobody_pushes_out_what_others_saw_and_a_flood_is_bounded() {
        let reports = Reports::default();
        let line = |number: usize| found(&format!("/{number}"), "script-src", "inline").remove(0);
        reports.add(line(0), "198.51.100.1".parse().unwrap(), 0);
        for number in 1..1_000 {
            reports.add(
                line(number),
                "2001:db8::1".parse().unwrap(),
                1_000 + number as i64,
            );
        }
        let all = reports.all();
        assert_eq!(all.len(), 1 + MOST_OF_ONE);
        assert_eq!(all.last().unwrap().violation, line(0));
        assert_eq!(all.first().unwrap().violation, line(999));
        for number in 0..10_000 {
            let bits = 0x0a00_0000 + u32::try_from(number).unwrap();
            let client = IpAddr::V4(std::net::Ipv4Addr::from_bits(bits));
            reports.add(line(number), client, 10_000 + number as i64);
        }
        assert_eq!(reports.all().len(), MOST);
        let again = line(9_999);
        reports.add(again.clone(), "192.0.2.9".parse().unwrap(), 90_000);
        let first = reports.all().remove(0);
        assert_eq!(
            (first.violation, first.count, first.last_micros),
            (again, 2, 90_000)
        );
    }

    proptest! {
        #[test]
        fn no_report_breaks_anything_or_keeps_more_than_it_may(
            page in "(https://h)?\\PC{0,260}", blocked in "\\PC{0,260}", noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            for violation in single(&page, "script-src", &blocked) {
                prop_assert!(violation.page.len() <= LONGEST && violation.page.starts_with('/'));
                prop_assert!(violation.blocked.len() <= LONGEST && violation.blocked.is_ascii());
            }
            drop(read(ReportForm::Single, &noise));
            drop(read(ReportForm::Batch, &noise));
        }
    }
}
