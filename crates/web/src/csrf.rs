//! The first proof against cross-site requests: the browser itself says where a request comes from.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use watchroom_kit::{Fault, FaultKind};

/// A state-changing request that could have been sent by another site, or whose token is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CsrfError {
    /// It came from elsewhere, or the browser does not say from where.
    #[error("the request is not same-origin")]
    ForeignOrigin,
    /// The token is missing, stale or another session's.
    #[error("the csrf token is missing or stale")]
    Token,
}

impl Fault for CsrfError {
    fn kind(&self) -> FaultKind {
        FaultKind::Forbidden
    }

    fn slug(&self) -> &'static str {
        "csrf"
    }

    fn public(&self) -> String {
        match self {
            Self::ForeignOrigin => {
                "this request did not come from a page of this panel; open the page and try again"
            }
            Self::Token => {
                "this page is out of date; load it again and repeat what you did. Nothing was changed"
            }
        }
        .to_owned()
    }
}

/// Refuses a request with a cookie unless the browser says that a page of ours sent it. A request that
/// carries neither header is refused too: every browser that can hold our cookie sends one.
pub(crate) fn same_origin(parts: &Parts) -> Result<(), CsrfError> {
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value: &http::HeaderValue| value.to_str().ok())
    };
    if let Some(site) = text("sec-fetch-site") {
        return if site == "same-origin" {
            Ok(())
        } else {
            Err(CsrfError::ForeignOrigin)
        };
    }
    match (
        parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()),
        host(parts),
    ) {
        (Some(origin), Some(host)) if origin.strip_prefix("https://") == Some(host) => Ok(()),
        _ => Err(CsrfError::ForeignOrigin),
    }
}

fn host(parts: &Parts) -> Option<&str> {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    authority.or_else(|| parts.headers.get(HOST).and_then(|host| host.to_str().ok()))
}

/// The token that a script sends in a header.
pub(crate) fn header_token(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get("x-csrf-token").or_else(|| headers.get("x-csrftoken"));
    named.and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn from(headers: &[(&str, &str)]) -> Result<(), CsrfError> {
        let mut request = Request::builder().uri("/logout");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        same_origin(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_what_a_page_of_ours_sent_is_let_through() {
        assert!(from(&[("sec-fetch-site", "same-origin")]).is_ok());
        assert!(
            from(&[
                ("origin", "https://room.example:7443"),
                ("host", "room.example:7443")
            ])
            .is_ok()
        );
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example"), ("host", "room.example")],
            &[("origin", "http://room.example"), ("host", "room.example")],
            &[("origin", "null"), ("host", "room.example")],
            &[("host", "room.example")],
        ] {
            assert_eq!(from(foreign), Err(CsrfError::ForeignOrigin), "{foreign:?}");
        }
    }
}
