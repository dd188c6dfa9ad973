//! A refusal as the API words it: problem+json (RFC 9457).

use http::StatusCode;
use serde_json::Value;
use watchroom_kit::{FaultKind, FieldFault};

/// What a Host answered instead of doing what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemReport {
    /// The HTTP status.
    pub status: u16,
    /// The slug at the end of `type`, with a page in the troubleshooting guide.
    pub slug: String,
    /// The cause and, usually, the next step.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<FieldFault>,
    /// Names this request in the Host's log.
    pub request_id: Option<String>,
    /// Names the decision that refused it.
    pub decision_id: Option<String>,
    /// Seconds to wait before trying again.
    pub retry_after_s: Option<u64>,
}

impl ProblemReport {
    /// Reads an answer with an error status; what is no problem document is told by its status alone.
    #[must_use]
    pub fn read(
        status: StatusCode,
        request_id: Option<&str>,
        retry_after: Option<&str>,
        body: &[u8],
    ) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
        let slug = text("type").and_then(|kind| kind.rsplit('/').next().map(str::to_owned));
        let usual = || {
            status
                .canonical_reason()
                .unwrap_or("an answer without a name")
                .to_lowercase()
        };
        Self {
            status: status.as_u16(),
            slug: slug.unwrap_or_default(),
            detail: text("detail").or_else(|| text("title")).unwrap_or_else(usual),
            errors: document
                .get("errors")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(field)
                .collect(),
            request_id: text("request_id").or_else(|| request_id.map(str::to_owned)),
            decision_id: text("decision_id"),
            retry_after_s: retry_after.and_then(|seconds| seconds.parse().ok()),
        }
    }

    /// Its kind, from the status.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self.status {
            400 | 405 | 408 | 411 | 414 | 415 | 422 | 431 => FaultKind::Invalid,
            401 => FaultKind::Unauthenticated,
            403 => FaultKind::Forbidden,
            404 => FaultKind::NotFound,
            409 => FaultKind::Conflict,
            410 => FaultKind::Gone,
            413 => FaultKind::TooLarge,
            423 => FaultKind::Locked,
            429 => FaultKind::Limited,
            502 | 503 => FaultKind::Unavailable,
            504 => FaultKind::Timeout,
            _ => FaultKind::Internal,
        }
    }

    /// What a person at the command line can do about it, where the Host could not know.
    pub(super) fn next_step(&self) -> Option<String> {
        match (self.status, self.retry_after_s) {
            (_, Some(seconds)) => Some(format!("try again in {seconds} s")),
            (401, None) => Some("give a token that is still good with --token-file".to_owned()),
            (403, None) if self.slug == "step-up-required" => {
                Some("make a token with --allow-sensitive, or run this on the Host's own machine".to_owned())
            }
            (500, None) => Some("look for the request id in the Host's log".to_owned()),
            _ => None,
        }
    }
}

fn field(error: &Value) -> FieldFault {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    FieldFault::new(text("field"), text("code"), text("message"))
}
