//! The headers that every answer carries: refusals, crashes and errors of the HTTP library included.

use http::{HeaderMap, HeaderName, HeaderValue, header};
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
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The headers of [`SECURITY_HEADERS`], made once.
pub(crate) fn template() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// Puts the edge's headers on an answer. A handler can set its own `Cache-Control`; the rest is ours.
pub(crate) fn dress(template: &HeaderMap, told: &Told, verdict: Option<&Verdict>, headers: &mut HeaderMap) {
    headers.reserve(template.len() + 4);
    for (name, value) in template {
        if *name != header::CACHE_CONTROL || !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    headers.remove(header::SERVER);
    headers.insert(X_REQUEST_ID, id_value(told.request_id));
    if told.is_strict {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let Some(verdict) = verdict else { return };
    if let Some(value) = standing(verdict) {
        headers.insert(RATE_LIMIT, value);
    }
    match told
        .policy
        .as_ref()
        .filter(|_| told.verdict.as_ref() == Some(verdict))
    {
        Some(value) => drop(headers.insert(RATE_LIMIT_POLICY, value.clone())),
        None => drop(
            policy(verdict.class, &[verdict.window]).map(|value| headers.insert(RATE_LIMIT_POLICY, value)),
        ),
    }
}

/// What `RateLimit-Policy` says about a kind of limit: each window with its quota and seconds.
pub(crate) fn policy(class: &str, windows: &[Window]) -> Option<HeaderValue> {
    let items: Vec<_> = windows
        .iter()
        .map(|Window { limit, per_s }| format!("\"{class}-{per_s}\";q={limit};w={per_s}"))
        .collect();
    HeaderValue::try_from(items.join(", "))
        .ok()
        .filter(|value| !value.is_empty())
}

fn standing(verdict: &Verdict) -> Option<HeaderValue> {
    let Verdict {
        class,
        window,
        remaining,
        reset_s,
        ..
    } = verdict;
    HeaderValue::try_from(format!("\"{class}-{}\";r={remaining};t={reset_s}", window.per_s)).ok()
}

fn id_value(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let text: &str = Hyphenated::from_uuid(id).encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}
