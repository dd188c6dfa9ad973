//! What an error tells the outside: its kind, a slug to look up, a public sentence and the fields at fault.
//!
//! Each operation has an error enum of its own; it implements [`Fault`], and problem+json (RFC 9457),
//! exit codes and pages are rendered from that in one place each.

use serde::Serialize;
use serde_json::Value;

/// The kinds of failure a caller can tell apart. Each maps to one HTTP status and one exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The input is wrong; `fields` says where. 400 or 422.
    Invalid,
    /// Nobody valid is asking. 401.
    Unauthenticated,
    /// The caller may know the thing but not do this. 403.
    Forbidden,
    /// There is no such thing, or the caller may not know of it. 404.
    NotFound,
    /// The path is there, but not for this method. 405.
    MethodNotAllowed,
    /// The state of the thing does not allow this now, or a name is taken. 409.
    Conflict,
    /// It existed and is over. 410.
    Gone,
    /// More than the limit. 413.
    TooLarge,
    /// Locked for a time. 423.
    Locked,
    /// Another protocol is spoken there. 426.
    UpgradeRequired,
    /// Too many in too short a time. 429.
    Limited,
    /// A part that is needed is away; try again. 503.
    Unavailable,
    /// No answer in time; the act may still happen. 504.
    Timeout,
    /// Our own fault; the detail is in the log under the request id. 500.
    Internal,
}

impl FaultKind {
    /// The HTTP status (RFC 9110) for this kind.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::Locked => 423,
            Self::UpgradeRequired => 426,
            Self::Limited => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The exit code of the command line: 1 failed, 2 bad usage, 3 refused by policy, 4 not reachable.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Invalid | Self::MethodNotAllowed | Self::TooLarge | Self::UpgradeRequired => 2,
            Self::Unauthenticated | Self::Forbidden | Self::Locked | Self::Limited => 3,
            Self::Unavailable | Self::Timeout => 4,
            Self::NotFound | Self::Conflict | Self::Gone | Self::Internal => 1,
        }
    }
}

/// One field of the input that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// The field as the client named it, nested with dots (`limits.memory_bytes`).
    pub field: String,
    /// A word for programs (`too_long`, `required`, `taken`).
    pub code: String,
    /// A sentence for people, saying what is allowed.
    pub message: String,
}

impl FieldFault {
    /// Names what is wrong with a field.
    pub fn new(field: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: in_brief(field.into()),
            code: code.into(),
            message: in_brief(message.into()),
        }
    }
}

/// What an error says in at most 1000 characters, by leaving out the middle: it may hold what the client sent, which it need
/// not be told again in full, and it ends with what is allowed.
#[must_use]
pub fn in_brief(said: String) -> String {
    const LONGEST: usize = 1000;
    const START: usize = LONGEST / 4;
    const END: usize = LONGEST - START - 1;
    let count = said.chars().count();
    if count <= LONGEST {
        return said;
    }
    let (start, end) = (said.chars().take(START), said.chars().skip(count - END));
    start.chain(['…']).chain(end).collect()
}

/// What an error tells the outside. Its `Display` is for the log and may name inner causes.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// What kind of failure it is.
    fn kind(&self) -> FaultKind;

    /// A stable kebab-case name with a page in the troubleshooting guide.
    fn slug(&self) -> &'static str;

    /// The sentence a person outside may read: the cause and the next step, never a path, query or stack.
    fn public(&self) -> String;

    /// The fields at fault, for bad input.
    fn fields(&self) -> Vec<FieldFault> {
        Vec::new()
    }

    /// Further members of the problem document, such as `remaining_attempts` or `decision_id`.
    fn members(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Seconds after which trying again makes sense.
    fn retry_after_s(&self) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_keeps_its_start_and_its_end() {
        let exactly = "ß".repeat(1000);
        assert_eq!(in_brief(exactly.clone()), exactly);
        let brief = in_brief(format!("unknown field `{exactly}`, expected `name`"));
        assert_eq!(brief.chars().count(), 1000);
        assert!(brief.starts_with("unknown field `ß") && brief.ends_with("ß`, expected `name`"));
        assert!(brief.contains("ß…ß"));
    }
}
