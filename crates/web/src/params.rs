//! The parameters of a path, as the types that handlers ask for.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::value::{Error, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use crate::{NotFound, Problem};

/// The decoded values of a path's parameters, in their order.
#[derive(Clone)]
pub(crate) struct PathValues(Box<[String]>);

impl PathValues {
    /// `None` if one of them is no UTF-8.
    pub(crate) fn decode<'p>(values: impl Iterator<Item = &'p str>) -> Option<Self> {
        values
            .map(|value| percent_decode_str(value).decode_utf8().ok().map(String::from))
            .collect::<Option<_>>()
            .map(Self)
    }
}

impl fmt::Debug for PathValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The parts of a path: one value, or a tuple of several. What cannot be one of ours names nothing: 404.
#[derive(Clone, Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let values = parts.extensions.get::<PathValues>().ok_or(NotFound)?;
        T::deserialize(Reader(&values.0))
            .map(Self)
            .map_err(|_| NotFound.into())
    }
}

/// Reads values: one by itself, several as a tuple.
struct Reader<'de>(&'de [String]);

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            [one] => visitor.visit_str(one),
            several => Err(Error::custom(format_args!("{} values, not one", several.len()))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        if self.0.len() != length {
            return Err(Error::invalid_length(self.0.len(), &visitor));
        }
        visitor.visit_seq(SeqDeserializer::new(self.0.iter().map(String::as_str)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use watchroom_model::NodeId;

    use super::*;

    fn read<T: DeserializeOwned>(values: &[&str]) -> Option<T> {
        let values = PathValues::decode(values.iter().copied())?;
        T::deserialize(Reader(&values.0)).ok()
    }

    #[test]
    fn one_parameter_is_read_by_itself_and_decoded() {
        assert_eq!(read::<String>(&["caf%C3%A9"]).as_deref(), Some("café"));
    }

    #[test]
    fn what_is_encoded_twice_is_decoded_once() {
        assert_eq!(read::<String>(&["caf%25C3%25A9"]).as_deref(), Some("caf%C3%A9"));
        assert_eq!(read::<String>(&["..%252Fetc"]).as_deref(), Some("..%2Fetc"));
    }

    #[test]
    fn several_are_read_as_a_tuple_of_their_types() {
        let id = "01939f5e-7a00-7000-8000-000000000001";
        let (node, name) = read::<(NodeId, String)>(&[id, "lobby"]).unwrap();
        assert_eq!((node.to_string().as_str(), name.as_str()), (id, "lobby"));
    }

    #[test]
    fn what_cannot_be_one_of_ours_is_not_read() {
        assert!(read::<NodeId>(&["not-an-id"]).is_none());
        assert!(read::<(NodeId, String)>(&["one alone"]).is_none());
        assert!(read::<String>(&["one", "two"]).is_none());
        assert!(read::<String>(&["%FF"]).is_none());
    }
}
