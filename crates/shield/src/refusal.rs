//! Why a request is turned away, and how that is told: a problem document, a small page, or a redirect.

use std::net::IpAddr;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use crate::{Lacks, RouteClass, Spotted, Told, Verdict};

/// Seconds after which trying again makes sense when we are too busy.
const BUSY_RETRY_S: u32 = 5;

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// There are more connections than are allowed, in all or from this address, or more bodies than are held at once.
    Overloaded,
    /// Path and query are longer than allowed.
    UriTooLong,
    /// There are more headers, or more bytes of them, than allowed.
    HeadersTooLarge,
    /// A trusted proxy names two senders, one of them as somebody invented it.
    Contradicted,
    /// No host, more than one, or none that can be.
    BadHost,
    /// A host that is not ours.
    WrongHost,
    /// A route that is not served on a connection of this kind.
    WrongDoor,
    /// Plain HTTP where TLS is needed; whoever looks at a page is sent there, everybody else told.
    PlainHttp {
        /// Whether the client is sent to TLS.
        redirects: bool,
    },
    /// The address is banned.
    Banned,
    /// The address is in none of the networks that may ask for this.
    OutsideNetworks {
        /// The list that would have to name it.
        setting: &'static str,
    },
    /// A client certificate is wanted, and what was shown is none that will do.
    CertificateWanted {
        /// What is missing.
        lacks: Lacks,
    },
    /// A page of another site would sign its visitor in.
    FromElsewhere,
    /// A rate limit is used up.
    Limited(Verdict),
    /// The body is larger than allowed.
    BodyTooLarge {
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// Something in it looks like an attack.
    InputRefused,
    /// The body came too slowly.
    BodyTooSlow,
    /// The handler took too long.
    HandlerTooSlow,
    /// A check or the handler crashed.
    Crashed,
    /// The HTTP library could not read the request.
    Malformed(StatusCode),
}

impl Why {
    /// Every slug, for the troubleshooting guide and its test.
    pub const SLUGS: [&'static str; 20] = [
        "overloaded",
        "banned",
        "network-not-allowed",
        "client-certificate-wanted",
        "uri-too-long",
        "headers-too-large",
        "forwarded-twice",
        "bad-host",
        "wrong-host",
        "wrong-door",
        "https-required",
        "from-elsewhere",
        "rate-limited",
        "body-too-large",
        "body-too-slow",
        "input-refused",
        "handler-too-slow",
        "internal",
        "malformed-request",
        "moved-to-https",
    ];

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Overloaded | Self::HandlerTooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Contradicted
            | Self::BadHost
            | Self::InputRefused
            | Self::PlainHttp { redirects: false } => StatusCode::BAD_REQUEST,
            Self::WrongHost | Self::WrongDoor => StatusCode::MISDIRECTED_REQUEST,
            Self::PlainHttp { redirects: true } => StatusCode::MOVED_PERMANENTLY,
            Self::Banned
            | Self::OutsideNetworks { .. }
            | Self::CertificateWanted { .. }
            | Self::FromElsewhere => StatusCode::FORBIDDEN,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Malformed(status) => *status,
        }
    }

    /// The stable name with a page in the troubleshooting guide.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::UriTooLong => "uri-too-long",
            Self::HeadersTooLarge => "headers-too-large",
            Self::Contradicted => "forwarded-twice",
            Self::BadHost => "bad-host",
            Self::WrongHost => "wrong-host",
            Self::WrongDoor => "wrong-door",
            Self::PlainHttp { redirects: false } => "https-required",
            Self::PlainHttp { redirects: true } => "moved-to-https",
            Self::Banned => "banned",
            Self::OutsideNetworks { .. } => "network-not-allowed",
            Self::CertificateWanted { .. } => "client-certificate-wanted",
            Self::FromElsewhere => "from-elsewhere",
            Self::Limited(_) => "rate-limited",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::BodyTooSlow => "body-too-slow",
            Self::InputRefused => "input-refused",
            Self::HandlerTooSlow => "handler-too-slow",
            Self::Crashed => "internal",
            Self::Malformed(_) => "malformed-request",
        }
    }

    /// The sentence a person outside may read: the cause and the next step.
    #[must_use]
    pub fn public(&self) -> String {
        let text = match self {
            Self::Overloaded => "there is too much at once right now; try again in a few seconds",
            Self::UriTooLong => "the address is too long; shorten its path or query",
            Self::HeadersTooLarge => {
                "the headers of the request are too large; deleting this site's cookies may help"
            }
            Self::Contradicted => {
                "the headers X-Forwarded-For and Forwarded name two senders; leave them out of the request"
            }
            Self::BadHost => "the request names no host, or more than one; send exactly one valid Host",
            Self::WrongHost => {
                "this server does not answer under that host name; use the address you were given"
            }
            Self::WrongDoor => {
                "this connection is for machines that ask to join; ask for anything else without its protocol name"
            }
            Self::PlainHttp { redirects: true } => "this address has moved to HTTPS",
            Self::PlainHttp { redirects: false } => {
                "this is answered over HTTPS alone; send the request again to its address with https"
            }
            Self::Banned => "your address is not let in; whoever runs this Watchroom can lift that",
            Self::OutsideNetworks { .. } => {
                "this is not open to your network; ask from another, or ask whoever runs this Watchroom"
            }
            Self::CertificateWanted { lacks } => lacks.words(),
            Self::FromElsewhere => {
                "a page of another site sent this; open the address itself and sign in there"
            }
            Self::Limited(verdict) => {
                return format!("too many requests; try again in {} s", verdict.reset_s);
            }
            Self::BodyTooLarge { limit } => {
                return format!("the body of the request is larger than the {limit} bytes this route takes");
            }
            Self::InputRefused => {
                "something in the request looks like an attack; if it is none, put it in other words"
            }
            Self::BodyTooSlow => {
                "the body of the request came too slowly; try again over a better connection"
            }
            Self::HandlerTooSlow => {
                "no answer was ready in time; the act may still happen, so look before trying again"
            }
            Self::Crashed => "something went wrong on our side; the log has the detail under the request id",
            Self::Malformed(_) => "the request is not valid HTTP",
        };
        text.to_owned()
    }

    /// The setting an administrator would change, for the log alone.
    #[must_use]
    pub const fn setting(&self) -> Option<&'static str> {
        Some(match self {
            Self::Overloaded => "shield.connections, shield.connections_per_address, shield.bodies_bytes",
            Self::UriTooLong => "shield.uri_bytes",
            Self::HeadersTooLarge => "shield.header_bytes, shield.headers",
            Self::WrongHost => "shield.hosts",
            Self::OutsideNetworks { setting } => setting,
            Self::CertificateWanted { .. } => "tls.required_for, tls.client_ca",
            Self::Limited(_) => "shield.limits",
            Self::BodyTooLarge { .. } => "shield.body_bytes",
            Self::InputRefused => "shield.inspection",
            Self::BodyTooSlow => "shield.body_read_s, shield.body_floor_per_s",
            Self::HandlerTooSlow => "shield.handler_s",
            Self::Banned
            | Self::FromElsewhere
            | Self::PlainHttp { .. }
            | Self::Contradicted
            | Self::BadHost
            | Self::WrongDoor
            | Self::Crashed
            | Self::Malformed(_) => return None,
        })
    }

    /// Seconds after which trying again makes sense.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Limited(verdict) => Some(verdict.reset_s),
            Self::Overloaded | Self::HandlerTooSlow => Some(BUSY_RETRY_S),
            _ => None,
        }
    }
}

/// A request that was turned away.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// From where it came, as it is counted and logged.
    pub client: IpAddr,
    /// What kind of route it was for.
    pub class: RouteClass,
    /// Whether what it does tells on whoever is at its address.
    pub(crate) is_own_doing: bool,
    /// What every answer to it carries.
    pub told: Told,
    /// Whether a person with a browser is looking.
    pub wants_page: bool,
    pub(crate) location: Option<HeaderValue>,
    /// What looks like an attack, if it was refused for that.
    pub spotted: Option<Spotted>,
}

impl Refused {
    /// The same request, refused for something that came up later.
    pub(crate) fn later(why: Why, passed: &crate::Passed) -> Self {
        let told = passed.told.clone();
        if let Why::Limited(verdict) = why {
            told.show(verdict);
        }
        Self {
            why,
            client: passed.client,
            class: passed.class,
            is_own_doing: passed.is_own_doing,
            told,
            wants_page: passed.wants_page,
            location: None,
            spotted: None,
        }
    }

    /// A request that could not even be read.
    pub(crate) fn unread(why: Why, client: IpAddr, request_id: Uuid) -> Self {
        Self {
            why,
            client,
            class: RouteClass::Page,
            is_own_doing: false,
            told: Told::new(request_id),
            wants_page: false,
            location: None,
            spotted: None,
        }
    }

    /// Renders the refusal, without the headers that [`crate::Shield::finish`] adds.
    pub(crate) fn render(&self, pages: Option<&dyn Pages>) -> Response<Body> {
        if self.why == Why::Banned {
            // Nothing to read and nothing to draw: it may be asked for very often.
            let mut response = Response::new(Body::empty());
            *response.status_mut() = self.why.status();
            return response;
        }
        let (kind, body) = if self.wants_page {
            let page = pages.map_or_else(|| plain_page(self), |pages| pages.refusal(self));
            ("text/html; charset=utf-8", page)
        } else {
            ("application/problem+json", problem(self))
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.why.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = self.why.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(location) = &self.location {
            headers.insert(header::LOCATION, location.clone());
        }
        response
    }
}

/// Draws the page a person sees when turned away. Without one a plain page is used.
pub trait Pages: Send + Sync + 'static {
    /// The whole HTML page.
    fn refusal(&self, refused: &Refused) -> String;
}

/// Whether a person with a browser is looking: they ask for HTML, and not below `/api/`.
pub(crate) fn wants_page(parts: &Parts) -> bool {
    if parts.uri.path().starts_with("/api/") {
        return false;
    }
    let accept = parts
        .headers
        .get(header::ACCEPT)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    accept
        .windows(b"text/html".len())
        .any(|part| part.eq_ignore_ascii_case(b"text/html"))
}

/// The problem document (RFC 9457).
pub(crate) fn problem(refused: &Refused) -> String {
    let status = refused.why.status();
    let mut document = json!({
        "type": format!("/problems/{}", refused.why.slug()),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": refused.why.public(),
        "request_id": refused.told.request_id,
    });
    if let (Some(spotted), Some(members)) = (&refused.spotted, document.as_object_mut()) {
        members.insert("errors".to_owned(), json!([spotted.fault()]));
    }
    document.to_string()
}

fn plain_page(refused: &Refused) -> String {
    // Nothing of the request is in it, so nothing needs escaping; no style, so that it needs no other file.
    let title = refused.why.status().canonical_reason().unwrap_or("Error");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><main><h1>{title}</h1><p>{}.</p><p>Request id: <code>{}</code></p></main></body></html>\n",
        capitalised(&refused.why.public()),
        refused.told.request_id,
    )
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}
