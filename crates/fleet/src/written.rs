//! What many ask for again and again, kept as it was last written.

use std::ops::{Deref, DerefMut};
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

/// The JSON of something as it was last shown, and of what that was made. It is made anew only from something else.
#[derive(Debug)]
pub(crate) struct LastWritten<S>(Mutex<Option<(S, Written)>>);

impl<S> Default for LastWritten<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: PartialEq> LastWritten<S> {
    /// The JSON of the view that is made of `source`.
    pub(crate) fn of<V: Serialize>(&self, source: S, view: impl FnOnce() -> V) -> Written {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, written)) = &*last
            && *known == source
        {
            return written.clone();
        }
        let written = Written(Arc::new(to_raw_value(&view())));
        *last = Some((source, written.clone()));
        written
    }
}

/// A value that counts how often somebody could have changed it, so that nobody has to remember to say so.
#[derive(Debug, Default)]
pub(crate) struct Counted<T> {
    value: T,
    changes: u64,
}

impl<T> Counted<T> {
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Counted<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changes = self.changes.wrapping_add(1);
        &mut self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_made_again_only_of_something_else() {
        let last = LastWritten::default();
        let first = last.of(1, || vec![1, 2]);
        let same = last.of(1, || -> Vec<i32> { unreachable!("it is known") });
        assert!(Arc::ptr_eq(&first.0, &same.0));
        let other = last.of(2, || vec![3]);
        assert_eq!(serde_json::to_string(&[first, other]).unwrap(), "[[1,2],[3]]");
    }

    #[test]
    fn looking_is_no_change() {
        let mut value = Counted::<Vec<u8>>::default();
        assert!(value.is_empty());
        assert_eq!(value.changes(), 0);
        value.push(1);
        assert_eq!((value.len(), value.changes()), (1, 1));
    }
}
