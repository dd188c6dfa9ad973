//! What many ask for again and again, kept as it was last written.

use std::sync::{Arc, Mutex, PoisonError};

use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A view as JSON, or why it has no such form. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Written(Arc<Result<Box<RawValue>, serde_json::Error>>);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.0 {
            Ok(json) => json.serialize(serializer),
            Err(error) => Err(S::Error::custom(error)),
        }
    }
}

/// The last view of something with its JSON. It is written anew only when the view differs, so nobody has to
/// remember to say that something changed.
#[derive(Debug)]
pub(crate) struct LastWritten<V>(Mutex<Option<(V, Written)>>);

impl<V> Default for LastWritten<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: Serialize + PartialEq> LastWritten<V> {
    /// The JSON of `view`.
    pub(crate) fn of(&self, view: V) -> Written {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, written)) = &*last
            && *known == view
        {
            return written.clone();
        }
        let written = Written(Arc::new(to_raw_value(&view)));
        *last = Some((view, written.clone()));
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_written_again_only_when_it_differs() {
        let last = LastWritten::default();
        let first = last.of(vec![1, 2]);
        assert!(Arc::ptr_eq(&first.0, &last.of(vec![1, 2]).0));
        let other = last.of(vec![3]);
        assert_eq!(serde_json::to_string(&[first, other]).unwrap(), "[[1,2],[3]]");
    }
}
