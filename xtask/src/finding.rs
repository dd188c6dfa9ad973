//! What a check found: where, what is wrong, and what to do.

use std::fmt;

/// One thing that must be changed before the checks pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    place: String,
    fault: String,
    remedy: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, fault: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            fault: fault.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.fault, self.remedy)
    }
}
