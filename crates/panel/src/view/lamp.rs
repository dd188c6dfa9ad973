//! A state as a lamp: a shape, a tone and a word, so that no state is told by colour alone (WCAG 1.4.1).

use std::fmt;

use askama::filters::HtmlSafe;
use watchroom_model::{NodeStatus, ServerStatus};

use crate::text::EN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Full,
    Half,
    Ring,
    Warning,
    Dashed,
    Barred,
}

impl Shape {
    const fn strokes(self) -> &'static str {
        match self {
            Self::Full => r#"<circle class="full" cx="8" cy="8" r="6"/>"#,
            Self::Half => r#"<circle cx="8" cy="8" r="6"/><path class="full" d="M8 2a6 6 0 0 1 0 12z"/>"#,
            Self::Ring => r#"<circle cx="8" cy="8" r="6"/>"#,
            Self::Warning => r#"<path class="full" d="M8 2l6.5 11.5h-13z"/>"#,
            Self::Dashed => r#"<circle cx="8" cy="8" r="6" stroke-dasharray="3 3.3"/>"#,
            Self::Barred => r#"<circle cx="8" cy="8" r="6"/><path d="M4 12l8-8"/>"#,
        }
    }
}

/// A state's lamp with its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lamp {
    shape: Shape,
    tone: &'static str,
    word: &'static str,
}

impl Lamp {
    const fn new(shape: Shape, tone: &'static str, word: &'static str) -> Self {
        Self { shape, tone, word }
    }

    /// Whether a person should look.
    pub(crate) fn is_trouble(self) -> bool {
        self.tone == "bad" || self.tone == "warn"
    }
}

impl From<ServerStatus> for Lamp {
    fn from(status: ServerStatus) -> Self {
        match status {
            ServerStatus::Running => Self::new(Shape::Full, "ok", EN.status_running),
            ServerStatus::Starting => Self::new(Shape::Half, "ok", EN.status_starting),
            ServerStatus::Stopping => Self::new(Shape::Half, "off", EN.status_stopping),
            ServerStatus::Stopped => Self::new(Shape::Ring, "off", EN.status_stopped),
            ServerStatus::Failed => Self::new(Shape::Warning, "bad", EN.status_failed),
            ServerStatus::CrashLoop => Self::new(Shape::Warning, "bad", EN.status_crash_loop),
            ServerStatus::Unknown => Self::new(Shape::Dashed, "warn", EN.status_unknown),
        }
    }
}

impl From<NodeStatus> for Lamp {
    fn from(status: NodeStatus) -> Self {
        match status {
            NodeStatus::Online => Self::new(Shape::Full, "ok", EN.status_online),
            NodeStatus::Pending => Self::new(Shape::Dashed, "warn", EN.status_pending),
            NodeStatus::Late => Self::new(Shape::Half, "warn", EN.status_late),
            NodeStatus::Offline => Self::new(Shape::Warning, "bad", EN.status_offline),
            NodeStatus::Revoked => Self::new(Shape::Barred, "off", EN.status_revoked),
            NodeStatus::Locked => Self::new(Shape::Barred, "bad", EN.status_locked),
        }
    }
}

impl fmt::Display for Lamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, tone, word } = self;
        let strokes = shape.strokes();
        write!(
            f,
            r#"<span class="lamp {tone}"><svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">{strokes}</svg>{word}</span>"#
        )
    }
}

/// Made of our own shapes and words alone.
impl HtmlSafe for Lamp {}
