//! A server's console as numbered lines, so that any number of viewers can leave and come back without a gap.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The server's standard output.
    Stdout,
    /// The server's standard error.
    Stderr,
    /// A line that was sent to the server.
    Input,
    /// A remark of the supervisor: started, stopped, exited.
    System,
}

/// One line of a console. Bytes that are not UTF-8 are shown as U+FFFD; the line end is not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// Its number, from 0, without a gap over all restarts of the server and the agent.
    pub offset: u64,
    /// When it was read.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Where it came from.
    pub source: Source,
    /// The text, at most 16 KiB; longer lines are broken.
    pub text: String,
}

/// What a viewer is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "of", rename_all = "snake_case")]
pub enum ConsoleEvent {
    /// The next lines, in order.
    Lines(Vec<Line>),
    /// Lines that this viewer was too slow for, or that retention has dropped; they are counted, not hidden.
    Skipped {
        /// The first offset not sent.
        from: u64,
        /// The offset that comes next.
        to: u64,
    },
}

/// From where a console is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleFrom {
    /// The last so many lines, then what comes.
    Last(u32),
    /// From this offset on, then what comes.
    Offset(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_viewer_is_told_survives_the_wire() {
        let line = Line {
            offset: 7,
            at: OffsetDateTime::UNIX_EPOCH,
            source: Source::Stdout,
            text: "ready".into(),
        };
        for event in [
            ConsoleEvent::Lines(vec![line]),
            ConsoleEvent::Skipped { from: 1, to: 7 },
        ] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(
                serde_json::from_str::<ConsoleEvent>(&text).unwrap(),
                event,
                "{text}"
            );
        }
    }
}
