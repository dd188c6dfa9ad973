//! The icon set: a few strokes each on a grid of 20, always beside words, never instead of them.

use std::fmt;

use askama::filters::HtmlSafe;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    /// The room at a glance.
    Overview,
    /// Machines.
    Nodes,
    /// What runs on them.
    Servers,
    /// Who is kept out.
    Security,
    /// The log book.
    Audit,
    /// A person.
    Profile,
    /// Several persons.
    People,
    /// How things are set.
    Settings,
    /// Make something.
    Add,
    /// Run.
    Start,
    /// Down.
    Stop,
    /// Down and up again.
    Restart,
    /// Good news.
    Done,
    /// Bad news.
    Trouble,
}

impl Icon {
    const fn strokes(self) -> &'static str {
        match self {
            Self::Overview => "M2.5 14h15M4.5 14a5.5 5.5 0 0 1 11 0M10 3v2M4.4 5.2l1.3 1.4M15.6 5.2l-1.3 1.4",
            Self::Nodes => "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.01M6 13.5h.01M9.5 6.5h4.5M9.5 13.5h4.5",
            Self::Servers => "M3 4h14v12H3zM6 8l2.5 2L6 12M10.5 12.5H14",
            Self::Security => {
                "M10 2.8l6 2.2v4.6c0 3.6-2.4 6.2-6 7.6-3.6-1.4-6-4-6-7.6V5zM7.4 9.8l1.9 1.9 3.5-3.7"
            }
            Self::Audit => {
                "M5 3h10.5v14H5a1.5 1.5 0 0 1 0-3h10.5M5 3a1.5 1.5 0 0 0-1.5 1.5v11M8 6.5h5M8 9.5h5"
            }
            Self::Profile => "M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4M3.8 16.6a6.4 6.4 0 0 1 12.4 0",
            Self::People => {
                "M7.5 9.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4M2.5 15.8a5.1 5.1 0 0 1 10 0M13 4.4a2.6 2.6 0 0 1 0 4.9M14.6 11.4a5 5 0 0 1 3 4.4"
            }
            Self::Settings => "M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4",
            Self::Add => "M10 4.5v11M4.5 10h11",
            Self::Start => "M6.5 4.2v11.6l9-5.8z",
            Self::Stop => "M5.5 5.5h9v9h-9z",
            Self::Restart => "M15.8 8A6.2 6.2 0 1 0 16 11.5M16.2 3.8V8H12",
            Self::Done => "M4 10.5l4 4 8-9",
            Self::Trouble => "M10 3.2l7.6 13.2H2.4zM10 8v4M10 14.2h.01",
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strokes = self.strokes();
        write!(
            f,
            r#"<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="{strokes}"/></svg>"#
        )
    }
}

/// Made of our own strokes alone.
impl HtmlSafe for Icon {}
