//! The headers that every answer carries: refusals, crashes and errors of the HTTP library included.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::pass::Told;
use crate::{Verdict, Window};

/// Name and value of each, except `Cache-Control: no-store` (which a handler may replace), strict transport
/// security (which depends on the certificate) and the request id.
pub const SECURITY_HEADERS: [(HeaderName, &str); 10] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        "none",
    ),
    (header::CACHE_CONTROL, NO_STORE),
];

const NO_STORE: &str = "no-store";
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains; preload");
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Headers that are on most answers, each with a value of its own.
const BLANKS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    X_REQUEST_ID,
    header::STRICT_TRANSPORT_SECURITY,
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
];
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The headers of [`SECURITY_HEADERS`], made once, with blanks for those that differ from answer to answer: what
/// is filled in or struck out of a copy costs less than what makes the copy grow.
pub(crate) fn template() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for name in BLANKS {
        headers.insert(name, HeaderValue::from_static(""));
    }
    headers
}

/// Puts the edge's headers on an answer. A handler can set its own `Cache-Control` and whatever the edge has no
/// word on; the rest is ours.
pub(crate) fn dress(template: &HeaderMap, told: &Told, headers: &mut HeaderMap) {
    let handlers = std::mem::replace(headers, template.clone());
    fill(
        headers,
        header::CONTENT_TYPE,
        handlers.get(header::CONTENT_TYPE).cloned(),
    );
    fill(headers, X_REQUEST_ID, Some(id_value(told.request_id)));
    fill(
        headers,
        header::STRICT_TRANSPORT_SECURITY,
        told.is_strict.then_some(HSTS),
    );
    let (verdict, policy) = match (told.own.get(), &told.verdict) {
        (Some(own), _) => (Some(own), policy(own.class, &[own.window])),
        (None, edge) => (edge.as_ref(), told.policy.clone()),
    };
    fill(headers, RATE_LIMIT, verdict.and_then(standing));
    fill(headers, RATE_LIMIT_POLICY, policy);
    let mut current = None;
    for (name, value) in handlers {
        current = name.or(current);
        match &current {
            Some(header::CACHE_CONTROL) => drop(headers.insert(header::CACHE_CONTROL, value)),
            Some(name) if !is_ours(template, name) => drop(headers.append(name.clone(), value)),
            _ => {}
        }
    }
}

fn fill(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match (value, headers.get_mut(&name)) {
        (Some(value), Some(blank)) => *blank = value,
        (None, Some(_)) => drop(headers.remove(name)),
        (_, None) => {}
    }
}

/// Whether a handler has no say: what is in the template, and `Server`, which tells an attacker too much.
fn is_ours(template: &HeaderMap, name: &HeaderName) -> bool {
    template.contains_key(name) || *name == header::SERVER
}

/// What `RateLimit-Policy` says about a kind of limit: each window with its quota and seconds.
pub(crate) fn policy(class: &str, windows: &[Window]) -> Option<HeaderValue> {
    let mut line = Line::default();
    for (place, window) in windows.iter().enumerate() {
        line.text(if place == 0 { "" } else { ", " });
        line.name(class, window);
        line.number(";q=", window.limit);
        line.number(";w=", window.per_s);
    }
    line.value()
}

/// What `RateLimit` says: how much is left, and when there will be more.
fn standing(verdict: &Verdict) -> Option<HeaderValue> {
    let mut line = Line::default();
    line.name(verdict.class, &verdict.window);
    line.number(";r=", verdict.remaining);
    line.number(";t=", verdict.reset_s);
    line.value()
}

/// A short header value on its way. Most answers carry two of them, and the formatting of the standard library
/// would cost as much as all checks of the edge.
#[derive(Default)]
struct Line(SmallVec<[u8; 96]>);

impl Line {
    fn name(&mut self, class: &str, window: &Window) {
        self.text("\"");
        self.text(class);
        self.number("-", window.per_s);
        self.text("\"");
    }

    fn number(&mut self, before: &str, number: u32) {
        self.text(before);
        self.text(itoa::Buffer::new().format(number));
    }

    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn value(self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0)
            .ok()
            .filter(|value| !value.is_empty())
    }
}

fn id_value(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let text: &str = Hyphenated::from_uuid(id).encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}
