//! Problems: how every refusal and failure leaves the house (RFC 9457).

use std::fmt;
use std::ops::{Deref, DerefMut};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use watchroom_kit::{Fault, FaultKind, FieldFault, in_brief};

/// Fields at fault that a problem names. Who mends these sees the next ones.
const MOST_ERRORS: usize = 20;

/// A refusal or failure on its way out. It becomes JSON or a page in [`crate::RenderProblems`], which knows
/// the request it answers. Small, because most results that may hold one hold none.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Document>);

/// The members of a problem document.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// A stable name with a page in the troubleshooting guide, as a URI path.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do next.
    pub detail: String,
    /// Fields at fault, the first twenty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Further members (`decision_id`, `remaining_attempts`, `locked_until`).
    #[serde(flatten)]
    pub members: Map<String, Value>,
    /// Seconds after which to try again; sent as a header.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

impl Deref for Problem {
    type Target = Document;
    fn deref(&self) -> &Document {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Document {
        &mut self.0
    }
}

impl Document {
    /// The slug alone.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.strip_prefix("/problems/").unwrap_or(&self.kind)
    }
}

impl<F: Fault> From<F> for Problem {
    fn from(fault: F) -> Self {
        // What the outside may not know is kept here, under the request id of the span around us.
        if fault.kind() == FaultKind::Internal {
            tracing::error!(error = %Causes(&fault), "request failed");
        }
        Self::of(&fault)
    }
}

impl Problem {
    fn of(fault: &dyn Fault) -> Self {
        let status = StatusCode::from_u16(fault.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut errors = fault.fields();
        errors.truncate(MOST_ERRORS);
        Self(Box::new(Document {
            kind: format!("/problems/{}", fault.slug()),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: in_brief(fault.public()),
            errors,
            request_id: None,
            members: fault
                .members()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            retry_after_s: fault.retry_after_s(),
        }))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An error with all its causes on one line, for the log.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(next) = cause {
            write!(f, ": {next}")?;
            cause = next.source();
        }
        Ok(())
    }
}

/// There is no such thing, or the caller may not know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such thing")]
pub struct NotFound;

impl Fault for NotFound {
    fn kind(&self) -> FaultKind {
        FaultKind::NotFound
    }

    fn slug(&self) -> &'static str {
        "not-found"
    }

    fn public(&self) -> String {
        "there is no such thing, or you may not know of it".to_owned()
    }
}

/// The path is there, but not for this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} is not a method of this path")]
pub struct MethodNotAllowed {
    /// The method that was tried.
    pub method: http::Method,
}

impl Fault for MethodNotAllowed {
    fn kind(&self) -> FaultKind {
        FaultKind::MethodNotAllowed
    }

    fn slug(&self) -> &'static str {
        "method-not-allowed"
    }

    fn public(&self) -> String {
        "this address does not take that method; the API's description says which it takes".to_owned()
    }
}

/// Input that cannot be read, with the field at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.field, .0.message)]
pub(crate) struct InvalidInput(pub(crate) FieldFault);

impl Fault for InvalidInput {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }

    fn slug(&self) -> &'static str {
        "invalid-input"
    }

    fn public(&self) -> String {
        match self.0.field.as_str() {
            "" => self.0.message.clone(),
            field => format!("{field}: {}", self.0.message),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        vec![self.0.clone()]
    }
}
