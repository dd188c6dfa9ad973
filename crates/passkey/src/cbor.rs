//! CBOR (RFC 8949) as authenticators write it (CTAP 2.1, 8): lengths are told first, numbers are as short as they can be, no
//! member stands twice. Whatever else the format knows is refused: floats, tags, texts in pieces.

/// Deepest nesting that is read: authenticators use four levels.
const DEEPEST: usize = 8;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Bool(bool),
    Null,
}

impl Value {
    /// The member of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Self> {
        self.find(|key| matches!(key, Self::Text(text) if text == name))
    }

    /// The member of that number, which COSE has in the place of names.
    pub(crate) fn numbered(&self, number: i64) -> Option<&Self> {
        self.find(|key| *key == Self::Int(number))
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    fn find(&self, is_it: impl Fn(&Self) -> bool) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// The one value that these bytes are.
pub(crate) fn whole(bytes: &[u8]) -> Option<Value> {
    let (value, rest) = first(bytes)?;
    rest.is_empty().then_some(value)
}

/// The value that these bytes begin with, and what follows it.
pub(crate) fn first(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(0)?;
    Some((value, reader.rest))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let (major, short) = (first >> 5, first & 0x1f);
        if major == 7 {
            return match short {
                20 => Some(Value::Bool(false)),
                21 => Some(Value::Bool(true)),
                22 => Some(Value::Null),
                _ => None,
            };
        }
        let number = self.number(short)?;
        match major {
            0 => i64::try_from(number).ok().map(Value::Int),
            1 => i64::try_from(number).ok().map(|number| Value::Int(-1 - number)),
            2 => self.take(number).map(|bytes| Value::Bytes(bytes.to_vec())),
            3 => {
                let text = std::str::from_utf8(self.take(number)?).ok()?;
                Some(Value::Text(text.to_owned()))
            }
            4 => self.list(number, depth),
            5 => self.map(number, depth),
            _ => None,
        }
    }

    /// The number that a head carries, in its shortest form.
    fn number(&mut self, short: u8) -> Option<u64> {
        let (number, least) = match short {
            0..=23 => return Some(u64::from(short)),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            _ => return None,
        };
        (number >= least).then_some(number)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// Room is made as members are read, not as many are promised.
    fn list(&mut self, length: u64, depth: usize) -> Option<Value> {
        let mut members = Vec::new();
        for _ in 0..length {
            members.push(self.value(depth + 1)?);
        }
        Some(Value::List(members))
    }

    fn map(&mut self, length: u64, depth: usize) -> Option<Value> {
        // No map of an authenticator's has more, and looking for doubles takes time.
        if length > 64 {
            return None;
        }
        let mut members: Vec<(Value, Value)> = Vec::new();
        for _ in 0..length {
            let key = self.value(depth + 1)?;
            if members.iter().any(|(known, _)| *known == key) {
                return None;
            }
            members.push((key, self.value(depth + 1)?));
        }
        Some(Value::Map(members))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(major: u8, number: u64) -> Vec<u8> {
        let major = major << 5;
        if number < 24 {
            return vec![major | u8::try_from(number).unwrap()];
        }
        let bytes = number.to_be_bytes();
        let (short, length) = match number {
            0..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        [&[major | short], &bytes[8 - length..]].concat()
    }

    /// A value as an authenticator writes it.
    pub(crate) fn written(value: &Value) -> Vec<u8> {
        match value {
            Value::Int(int) if *int >= 0 => head(0, int.unsigned_abs()),
            Value::Int(int) => head(1, (-1 - int).unsigned_abs()),
            Value::Bytes(bytes) => [head(2, bytes.len() as u64), bytes.clone()].concat(),
            Value::Text(text) => [head(3, text.len() as u64), text.clone().into_bytes()].concat(),
            Value::List(list) => {
                let members = list.iter().flat_map(written);
                head(4, list.len() as u64).into_iter().chain(members).collect()
            }
            Value::Map(map) => {
                let members = map
                    .iter()
                    .flat_map(|(key, value)| [written(key), written(value)].concat());
                head(5, map.len() as u64).into_iter().chain(members).collect()
            }
            Value::Bool(truth) => vec![if *truth { 0xf5 } else { 0xf4 }],
            Value::Null => vec![0xf6],
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::Int),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
            "\\PC{0,40}".prop_map(Value::Text),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::btree_map("[a-z]{0,6}", inner, 0..6).prop_map(|map| {
                    Value::Map(
                        map.into_iter()
                            .map(|(key, value)| (Value::Text(key), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    #[test]
    fn what_authenticators_do_not_write_is_refused() {
        for (wrong, why) in [
            (&[0x18, 0x17][..], "a number that could be shorter"),
            (&[0x19, 0x00, 0xff], "a number that could be shorter"),
            (&[0x5f, 0x41, 0x00, 0xff], "bytes in pieces"),
            (&[0x9f, 0xff], "a list without a length"),
            (&[0xbf, 0xff], "a map without a length"),
            (&[0xa2, 0x01, 0x02, 0x01, 0x03], "a member that stands twice"),
            (&[0xc0, 0x00], "a tag"),
            (&[0xf9, 0x00, 0x00], "a float"),
            (&[0xf7], "undefined"),
            (&[0x61, 0xff], "a text that is none"),
            (
                &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "a number without end",
            ),
            (
                &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "bytes that are not there",
            ),
            (
                &[0x9b, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff],
                "members that are not there",
            ),
            (&[0x00, 0x00], "something after it"),
            (&[], "nothing"),
        ] {
            assert_eq!(whole(wrong), None, "{why}: {wrong:02x?}");
        }
        assert_eq!(whole(&[0x81; 400]), None, "nesting without end");
        assert_eq!(whole(&[0x18, 0x18]), Some(Value::Int(24)));
        assert_eq!(whole(&[0x3a, 0x00, 0x01, 0x00, 0x00]), Some(Value::Int(-65_537)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_whatever_is_read_was_written_so(
            value in any_value(), bytes in proptest::collection::vec(any::<u8>(), 0..200), end in any::<u8>(),
        ) {
            let text = written(&value);
            prop_assert_eq!(whole(&text), Some(value.clone()));
            let longer = [text.as_slice(), &[end]].concat();
            prop_assert_eq!(whole(&longer), None);
            prop_assert_eq!(first(&longer), Some((value, &[end][..])));
            prop_assert_eq!(whole(&text[..text.len() - 1]), None);
            // There is one way to write each value, so nothing can be hidden beside it.
            if let Some((read, rest)) = first(&bytes) {
                prop_assert_eq!(&written(&read), &bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
