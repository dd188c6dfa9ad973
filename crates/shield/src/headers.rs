//! The headers that every answer carries: refusals, crashes and errors of the HTTP library included.

use std::fmt::{self, Write};

use bytes::BytesMut;
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

/// Puts the edge's headers on an answer. A handler can set its own `Cache-Control` and whatever the edge has no
/// word on; the rest is ours.
pub(crate) fn dress(template: &HeaderMap, told: &Told, headers: &mut HeaderMap) {
    // A few headers into a copy of the many: far less work than the many, one by one, into the few.
    let handlers = std::mem::replace(headers, template.clone());
    let mut current = None;
    for (name, value) in handlers {
        current = name.or(current);
        match &current {
            Some(header::CACHE_CONTROL) => drop(headers.insert(header::CACHE_CONTROL, value)),
            Some(name) if *name != header::SERVER && !template.contains_key(name) => {
                headers.append(name.clone(), value);
            }
            _ => {}
        }
    }
    headers.insert(X_REQUEST_ID, id_value(told.request_id));
    if told.is_strict {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let (verdict, policy) = match (told.own.get(), &told.verdict) {
        (Some(own), _) => (own, policy(own.class, &[own.window])),
        (None, Some(edge)) => (edge, told.policy.clone()),
        (None, None) => return,
    };
    headers.extend(standing(verdict).map(|value| (RATE_LIMIT, value)));
    headers.extend(policy.map(|value| (RATE_LIMIT_POLICY, value)));
}

/// What `RateLimit-Policy` says about a kind of limit: each window with its quota and seconds.
pub(crate) fn policy(class: &str, windows: &[Window]) -> Option<HeaderValue> {
    if windows.is_empty() {
        return None;
    }
    written(|text| {
        for (place, Window { limit, per_s }) in windows.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(text, "{comma}\"{class}-{per_s}\";q={limit};w={per_s}")?;
        }
        Ok(())
    })
}

fn standing(verdict: &Verdict) -> Option<HeaderValue> {
    let Verdict {
        class,
        window: Window { per_s, .. },
        remaining,
        reset_s,
        ..
    } = verdict;
    written(|text| write!(text, "\"{class}-{per_s}\";r={remaining};t={reset_s}"))
}

/// A value written into a buffer of its own, which becomes the value without another copy.
fn written(write: impl FnOnce(&mut BytesMut) -> fmt::Result) -> Option<HeaderValue> {
    let mut text = BytesMut::with_capacity(64);
    write(&mut text).ok()?;
    HeaderValue::from_maybe_shared(text.freeze()).ok()
}

fn id_value(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let text: &str = Hyphenated::from_uuid(id).encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}
