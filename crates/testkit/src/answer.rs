//! What came back.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

/// What every answer carries, whatever it is (shield.md, 12), but for what depends on the kind of answer.
const SECURITY_HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
         payment=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
];

/// What every cookie is set with, and how long one may be in all.
const COOKIE_FLAGS: &str = "; Path=/; Secure; HttpOnly; SameSite=Lax";
const LARGEST_COOKIE: usize = 4_096;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Reads an answer to its end.
    pub(crate) async fn whole(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One header as text, empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Sees that the answer is dressed as every answer must be: all security headers, a request id, no
    /// caching of anything dynamic, no word on the program behind it.
    ///
    /// # Panics
    /// Naming the header that is missing or wrong.
    pub fn assert_dressed(&self) {
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(self.header(name), *value, "{name} of {self:?}");
        }
        assert!(!self.header("x-request-id").is_empty(), "no request id: {self:?}");
        assert!(self.headers.get("server").is_none(), "{self:?}");
        if !self.header("cache-control").contains("max-age") {
            assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        }
        self.assert_typed();
        for cookie in self.headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("a cookie is text");
            let is_ours = text.starts_with("__Host-watchroom_") && text.len() < LARGEST_COOKIE;
            assert!(is_ours && text.contains(COOKIE_FLAGS), "{text}");
        }
    }

    /// A body says what it is; a text says in which letters.
    fn assert_typed(&self) {
        let kind = self.header("content-type");
        assert!(self.body.is_empty() || !kind.is_empty(), "no type: {self:?}");
        let is_marked_up = kind.starts_with("text/") || kind.contains("+xml");
        assert!(!is_marked_up || kind.contains("charset=utf-8"), "{self:?}");
    }

    /// Sees that this is the problem `slug` with this status, told as programs are told of problems, and
    /// gives the document.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{slug} expected: {}", self.text());
        self.assert_dressed();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.slug(), slug, "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        for member in ["title", "detail"] {
            assert!(
                problem[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}: {problem}"
            );
        }
        problem
    }

    /// As [`Answer::problem`], with this field at fault.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn fault(&self, status: u16, slug: &str, field: &str) {
        let problem = self.problem(status, slug);
        let faults = problem["errors"].as_array().cloned().unwrap_or_default();
        assert!(
            faults.iter().any(|fault| fault["field"] == field),
            "{field} is not named: {problem}"
        );
    }

    /// The slug of the problem.
    ///
    /// # Panics
    /// If it is no problem document.
    #[must_use]
    pub fn slug(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.strip_prefix("/problems/")
            .unwrap_or_else(|| panic!("no problem: {}", self.text()))
            .to_owned()
    }
}
