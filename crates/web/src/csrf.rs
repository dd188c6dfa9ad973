//! The proofs against cross-site requests: where the browser says a request comes from, and the page's token.

use http::HeaderMap;
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

/// Refuses a request with a cookie unless the browser says that a page of ours sent it.
pub(crate) fn same_origin(parts: &Parts) -> Result<(), CsrfError> {
    if watchroom_shield::is_same_origin(parts, "https") {
        Ok(())
    } else {
        Err(CsrfError::ForeignOrigin)
    }
}

/// The token that a script sends in a header.
pub(crate) fn header_token(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get("x-csrf-token").or_else(|| headers.get("x-csrftoken"));
    named.and_then(|value| value.to_str().ok())
}
