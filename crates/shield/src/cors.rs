//! Which pages of other origins may read our answers by their scripts (Fetch Standard, "CORS protocol"): those on an exact list,
//! and by default none.
//!
//! Reading is all that is given: what proves that a change by cookie is meant ([`crate::is_same_origin`]) and keeps other sites from
//! signing people in stays as it is. A script elsewhere changes things by a token, or not at all.

use std::fmt;
use std::str::FromStr;

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use crate::Told;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// What a program of ours sends beside what every script may.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, last-event-id, x-csrf-token, x-request-id",
);
/// What a script may read beside what every script may.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("location, ratelimit, ratelimit-policy, retry-after, x-request-id");
/// Seconds for which a browser need not ask again.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");

/// Pages of other origins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins whose scripts may read answers, with cookies if the browser sends them. Default: none.
    pub origins: Vec<Origin>,
}

/// An origin as a browser names it (RFC 6454): `https://crew.example`, with its port if it is not the scheme's own. There is none
/// for everybody, and none for pages without one (`null`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(HeaderValue);

/// A text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no origin; write scheme and host as the browser does, in small letters, with the port only if it is unusual: https://crew.example"
)]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        // Put together again from scheme, host and port it is the same, or it had something else.
        let again = text.parse::<Uri>().ok().and_then(|uri| {
            let usual = match uri.scheme_str()? {
                "https" => 443,
                "http" => 80,
                _ => return None,
            };
            let host = uri.host()?.to_ascii_lowercase();
            let port = uri.port_u16().filter(|port| *port != usual);
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            Some(format!("{}://{host}{port}", uri.scheme_str()?))
        });
        let is_origin = again.as_deref() == Some(text) && !text.contains('*');
        let value = HeaderValue::from_str(text).ok().filter(|_| is_origin);
        value.map(Self).ok_or_else(|| OriginError(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It was made from a text.
        formatter.write_str(self.0.to_str().unwrap_or_default())
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

/// What an answer says of who may read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Nothing: no origin but our own may, ever.
    #[default]
    Ours,
    /// That it would differ for others.
    NotThese,
    /// That this origin may.
    These(HeaderValue),
}

impl CorsConfig {
    pub(crate) fn readers(&self, headers: &HeaderMap) -> Readers {
        if self.origins.is_empty() {
            return Readers::Ours;
        }
        let mut named = headers.get_all(ORIGIN).iter();
        match (named.next(), named.next()) {
            (Some(one), None) if self.origins.iter().any(|listed| listed.0 == one) => {
                Readers::These(one.clone())
            }
            _ => Readers::NotThese,
        }
    }
}

impl Readers {
    /// Says so on an answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if *self != Self::Ours {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Self::These(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

/// The answer to a browser that asks in advance, for a page that may read the answer, whether it may send a request. Nobody else
/// is told anything new.
pub(crate) fn preflight(parts: &Parts, told: &Told) -> Option<Response<Body>> {
    let asks = parts.method == Method::OPTIONS && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !asks || !matches!(told.readers, Readers::These(_)) {
        return None;
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for origin in [
            "https://crew.example",
            "https://crew.example:8443",
            "http://127.0.0.1:3000",
            "https://[2001:db8::1]",
            "https://[2001:db8::1]:444",
        ] {
            assert_eq!(origin.parse::<Origin>().unwrap().to_string(), origin);
        }
        for none in [
            "*",
            "null",
            "",
            "crew.example",
            "https://",
            "https://*",
            "https://*.crew.example",
            "https://crew.example/",
            "https://crew.example/panel",
            "https://crew.example?x",
            "https://crew.example#x",
            "https://crew.example:",
            "https://crew.example:443",
            "http://crew.example:80",
            "https://Crew.example",
            "HTTPS://crew.example",
            "https://ada@crew.example",
            "ftp://crew.example",
            "https://crew.example, https://other.example",
            " https://crew.example",
        ] {
            assert!(none.parse::<Origin>().is_err(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_an_origin_is_said_back_as_it_is(text in "(https?://)?[ -~]{0,24}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string(), text);
            }
        }

        #[test]
        fn only_who_is_listed_may_read(origin in "https://[a-c]{1,2}\\.example(:[1-9][0-9])?") {
            let listed = ["https://a.example", "https://b.example:80"];
            let config = CorsConfig { origins: listed.map(|origin| origin.parse().unwrap()).to_vec() };
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, origin.parse().unwrap());
            let expected = if listed.contains(&origin.as_str()) {
                Readers::These(origin.parse().unwrap())
            } else {
                Readers::NotThese
            };
            prop_assert_eq!(config.readers(&headers), expected.clone());
            prop_assert_eq!(CorsConfig::default().readers(&headers), Readers::Ours);
            headers.append(ORIGIN, origin.parse().unwrap());
            prop_assert_eq!(config.readers(&headers), Readers::NotThese);
        }
    }
}
