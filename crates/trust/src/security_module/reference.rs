//! What lies in the place of a key that is in a security module: its name, as a `pkcs11` URI (RFC 7512).

use std::fmt;

const SCHEME: &str = "pkcs11:";
const ID: &str = "id=";
/// The longest id that is read, in bytes.
const LONGEST: usize = 64;

/// The id (`CKA_ID`) of a key in the module: `pkcs11:id=%01%02`. Other attributes are read over: which module and which
/// token it is says the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference(Vec<u8>);

impl Reference {
    pub(super) const fn new(id: Vec<u8>) -> Self {
        Self(id)
    }

    pub(super) fn id(&self) -> &[u8] {
        &self.0
    }

    /// The one in the first line that begins like a URI of this kind; `None` if this is something else, such as a key.
    pub(crate) fn find(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let uri = text.lines().find_map(|line| line.trim().strip_prefix(SCHEME))?;
        let path = uri.split_once('?').map_or(uri, |(path, _)| path);
        let id = path.split(';').find_map(|attribute| attribute.strip_prefix(ID))?;
        let id = decoded(id)?;
        (1..=LONGEST).contains(&id.len()).then_some(Self(id))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{ID}")?;
        self.0.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
    }
}

/// Bytes from text in which a percent sign and two digits stand for one (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push(u8::try_from(digit()? << 4 | digit()?).ok()?);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_id_is_found_among_what_else_a_uri_says() {
        let id = |text: &str| Reference::find(text.as_bytes()).map(|reference| reference.0);
        assert_eq!(id("pkcs11:id=%01%aB"), Some(vec![1, 0xab]));
        assert_eq!(
            id("# the key\n pkcs11:token=x;id=ab%63;type=private?pin-value=1\n"),
            Some(b"abc".to_vec())
        );
        for none in [
            "",
            "pkcs11:",
            "pkcs11:token=x",
            "pkcs11:id=",
            "pkcs11:id=%",
            "pkcs11:id=%1",
            "pkcs11:id=%1g",
            "id=%01",
        ] {
            assert_eq!(id(none), None, "{none}");
        }
        assert_eq!(id(&format!("pkcs11:id={}", "a".repeat(65))), None);
        assert_eq!(Reference::find(b"-----BEGIN PRIVATE KEY-----\n"), None);
        assert_eq!(Reference::find(&[0x30, 0x81, 0xff]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(id in prop::collection::vec(any::<u8>(), 1..=LONGEST)) {
            let reference = Reference::new(id);
            prop_assert_eq!(Reference::find(reference.to_string().as_bytes()), Some(reference));
        }

        #[test]
        fn nothing_breaks_it(text in "(pkcs11:)?(id=)?\\PC{0,40}") {
            let found = Reference::find(text.as_bytes());
            prop_assert!(found.is_none_or(|reference| reference.id().len() <= LONGEST));
        }
    }
}
