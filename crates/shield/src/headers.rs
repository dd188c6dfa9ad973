//! The headers that every answer carries: refusals, crashes and errors of the HTTP library included.

use arc_swap::ArcSwap;
use arrayvec::ArrayString;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::pass::Told;
use crate::{BaseUri, Verdict, Window};

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

/// The policy where no page may have a `<base>`.
const WITHOUT_BASE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
);
const NO_STORE: &str = "no-store";
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains; preload");
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Headers with a value of their own on each answer. The type is the handler's; nearly every answer has one.
const BLANKS: [HeaderName; 4] = [X_REQUEST_ID, RATE_LIMIT, RATE_LIMIT_POLICY, header::CONTENT_TYPE];

/// What every answer wears, made once: [`BLANKS`] first, then what is the same for all. What is filled in or struck
/// out of a copy costs less than what makes the copy grow.
#[derive(Debug)]
pub(crate) struct Wardrobe {
    plain: HeaderMap,
    strict: HeaderMap,
    /// What pages are told beside their policy: the same once more, and where to report what it keeps out.
    reported: Option<HeaderValue>,
}

impl Wardrobe {
    pub(crate) fn new(base_uri: BaseUri, reports_to: Option<&str>) -> Self {
        let mut plain = HeaderMap::new();
        for name in BLANKS {
            plain.insert(name, HeaderValue::from_static(""));
        }
        for (name, value) in SECURITY_HEADERS {
            plain.insert(name, HeaderValue::from_static(value));
        }
        if base_uri == BaseUri::None {
            plain.insert(header::CONTENT_SECURITY_POLICY, WITHOUT_BASE);
        }
        let mut strict = plain.clone();
        strict.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        let reported = plain.get(header::CONTENT_SECURITY_POLICY).zip(reports_to);
        let reported = reported.and_then(|(policy, path)| reporting(policy, path));
        Self {
            plain,
            strict,
            reported,
        }
    }

    /// Whether a handler has no say: what all answers wear, and `Server`, which tells an attacker too much.
    fn is_ours(&self, name: &HeaderName) -> bool {
        match *name {
            header::CONTENT_LENGTH => false,
            header::SERVER => true,
            header::CONTENT_SECURITY_POLICY_REPORT_ONLY => self.reported.is_some(),
            _ => self.strict.contains_key(name),
        }
    }

    /// Puts the edge's headers on an answer. A handler can set its own `Cache-Control` and whatever the edge has no
    /// word on; the rest is ours.
    pub(crate) fn dress(&self, labels: &Labels, told: &Told, headers: &mut HeaderMap) {
        let worn = if told.is_strict { &self.strict } else { &self.plain };
        let handlers = std::mem::replace(headers, worn.clone());
        told.readers.tell(headers);
        let mut kind = None;
        let mut current = None;
        for (name, value) in handlers {
            current = name.or(current);
            match &current {
                Some(header::CONTENT_TYPE) => kind = kind.or(Some(value)),
                Some(header::CACHE_CONTROL) => drop(headers.insert(header::CACHE_CONTROL, value)),
                Some(name) if !self.is_ours(name) => drop(headers.append(name.clone(), value)),
                _ => {}
            }
        }
        let (standing, policy) = match (told.own.get(), &told.verdict) {
            (Some(own), _) => labels.of(own),
            (None, Some(edge)) => (labels.of(edge).0, told.policy.clone()),
            (None, None) => (None, None),
        };
        let (standing, policy) = standing.zip(policy).unzip();
        let is_page = kind.as_ref().is_some_and(is_page);
        let own = [Some(id_value(told.request_id)), standing, policy, kind];
        let blank = own.each_ref().map(Option::is_none);
        for (value, own) in headers.values_mut().zip(own) {
            *value = own.unwrap_or(HeaderValue::from_static(""));
        }
        for (name, _) in BLANKS.iter().zip(blank).filter(|(_, is_blank)| *is_blank) {
            headers.remove(name);
        }
        if let Some(reported) = self.reported.as_ref().filter(|_| is_page) {
            headers.insert(header::CONTENT_SECURITY_POLICY_REPORT_ONLY, reported.clone());
        }
    }
}

/// The policy once more as one that only reports. The policy itself stays as it is documented, byte by byte. `report-uri`
/// is what browsers with a machine's own certificate send by; by `report-to` they would send nothing there.
fn reporting(policy: &HeaderValue, path: &str) -> Option<HeaderValue> {
    let policy = policy.to_str().ok()?;
    HeaderValue::try_from(format!("{policy}; report-uri {path}")).ok()
}

/// Only a page has things that a policy keeps out.
fn is_page(kind: &HeaderValue) -> bool {
    kind.as_bytes().starts_with(b"text/html")
}

/// Most limits whose texts are kept; a configuration has a handful.
const MOST_LABELS: usize = 256;

/// What is written about limits, for each kind and window once: most answers tell of one, and writing it anew would
/// cost as much as counting.
#[derive(Debug, Default)]
pub(crate) struct Labels(ArcSwap<Vec<Label>>);

#[derive(Clone, Debug)]
struct Label {
    class: &'static str,
    window: Window,
    /// `"user-60";r=`
    begin: Box<str>,
    policy: Option<HeaderValue>,
}

impl Label {
    fn new(class: &'static str, window: Window) -> Self {
        Self {
            class,
            window,
            begin: format!("{};r=", name(class, window)).into(),
            policy: policy(class, &[window]),
        }
    }

    /// What `RateLimit` says: how much is left, and when there will be more. The formatting of the standard library
    /// would cost as much as all checks of the edge. The name of a class is far shorter than what has room here.
    fn standing(&self, verdict: &Verdict) -> Option<HeaderValue> {
        let mut line = ArrayString::<96>::new();
        for part in [
            &*self.begin,
            itoa::Buffer::new().format(verdict.remaining),
            ";t=",
            itoa::Buffer::new().format(verdict.reset_s),
        ] {
            line.try_push_str(part).ok()?;
        }
        HeaderValue::from_str(&line).ok()
    }
}

impl Labels {
    /// `RateLimit`, and `RateLimit-Policy` as far as it is about this window.
    fn of(&self, verdict: &Verdict) -> (Option<HeaderValue>, Option<HeaderValue>) {
        let is_it = |label: &&Label| label.class == verdict.class && label.window == verdict.window;
        if let Some(label) = self.0.load().iter().find(is_it) {
            return (label.standing(verdict), label.policy.clone());
        }
        let label = Label::new(verdict.class, verdict.window);
        let written = (label.standing(verdict), label.policy.clone());
        self.0.rcu(|known| {
            let mut labels = Vec::clone(known);
            if labels.len() < MOST_LABELS {
                labels.push(label.clone());
            }
            labels
        });
        written
    }
}

/// What `RateLimit-Policy` says about a kind of limit: each window with its quota and seconds.
pub(crate) fn policy(class: &str, windows: &[Window]) -> Option<HeaderValue> {
    let told = |window: &Window| {
        let name = name(class, *window);
        format!("{name};q={};w={}", window.limit, window.per_s)
    };
    let line = windows.iter().map(told).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(line).ok().filter(|line| !line.is_empty())
}

fn name(class: &str, window: Window) -> String {
    format!("\"{class}-{}\"", window.per_s)
}

fn id_value(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let text: &str = Hyphenated::from_uuid(id).encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}
