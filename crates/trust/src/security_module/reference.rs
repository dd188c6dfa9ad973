//! What lies in the place of a key that is in a security module: its name, as a `pkcs11` URI (RFC 7512).

use std::fmt;

use super::ModuleError;

const SCHEME: &str = "pkcs11:";
/// The longest id that is read, in bytes.
const LONGEST: usize = 64;

/// The id (`CKA_ID`) of a key in the module, and the label of its token if it states one: `pkcs11:token=t;id=%01%02`. Other
/// attributes are read over: which module it is, and what opens it, says the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    id: Vec<u8>,
    token: Option<Vec<u8>>,
}

impl Reference {
    pub(super) const fn new(id: Vec<u8>) -> Self {
        Self { id, token: None }
    }

    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// Whether it may be of the token with this label.
    pub(super) fn is_in(&self, token: &str) -> bool {
        let stated = self.token.as_deref();
        stated.is_none_or(|stated| stated == token.as_bytes())
    }

    /// The one in the line that begins like a URI of this kind; `None` if this is something else, such as a key.
    ///
    /// # Errors
    /// If it names no key, or does so beside a key or another name: which one counts would be for the reader to guess.
    pub(crate) fn find(content: &[u8]) -> Result<Option<Self>, ModuleError> {
        let wrong = |why| ModuleError::Name { why };
        let Ok(text) = std::str::from_utf8(content) else {
            return Ok(None);
        };
        let mut uris = text.lines().filter_map(|line| line.trim().strip_prefix(SCHEME));
        let Some(uri) = uris.next() else {
            return Ok(None);
        };
        if uris.next().is_some() {
            return Err(wrong("it holds several names"));
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(wrong("it holds a key besides"));
        }
        let path = uri.split_once('?').map_or(uri, |(path, _)| path);
        let attribute = |name: &str| {
            let mut all = path.split(';');
            let value = all.find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
            value.map(|value| decoded(value).ok_or(wrong("it is no URI of RFC 7512")))
        };
        let id = attribute("id").ok_or(wrong("it has no id"))??;
        if !(1..=LONGEST).contains(&id.len()) {
            return Err(wrong("its id is empty, or has more than 64 bytes"));
        }
        let token = attribute("token").transpose()?;
        Ok(Some(Self { id, token }))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}id=")?;
        self.id.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
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

    fn id(text: &str) -> Option<Vec<u8>> {
        let found = Reference::find(text.as_bytes()).unwrap();
        found.map(|reference| reference.id)
    }

    #[test]
    fn the_id_is_found_among_what_else_a_uri_says() {
        assert_eq!(id("pkcs11:id=%01%aB"), Some(vec![1, 0xab]));
        assert_eq!(
            id("# the key\n pkcs11:token=x;id=ab%63;type=private?pin-value=1\n"),
            Some(b"abc".to_vec())
        );
        for none in ["", "id=%01", "-----BEGIN PRIVATE KEY-----\n"] {
            assert_eq!(id(none), None, "{none}");
        }
        assert_eq!(Reference::find(&[0x30, 0x81, 0xff]), Ok(None));
    }

    #[test]
    fn a_name_that_could_be_taken_for_another_key_is_refused() {
        let long = format!("pkcs11:id={}", "a".repeat(LONGEST + 1));
        for wrong in [
            "pkcs11:",
            "pkcs11:token=x",
            "pkcs11:id=",
            "pkcs11:id=%1",
            "pkcs11:id=%1g",
            "pkcs11:id=a;token=%",
            "pkcs11:id=a\npkcs11:id=b",
            "-----BEGIN EC PRIVATE KEY-----\npkcs11:id=a",
            &long,
        ] {
            let found = Reference::find(wrong.as_bytes());
            assert!(
                matches!(found, Err(ModuleError::Name { .. })),
                "{wrong}: {found:?}"
            );
        }
    }

    #[test]
    fn a_name_that_states_a_token_is_of_that_one_alone() {
        let is_in = |uri: &str, token| Reference::find(uri.as_bytes()).unwrap().unwrap().is_in(token);
        assert!(is_in("pkcs11:id=a", "any"));
        assert!(is_in("pkcs11:token=my%20own;id=a", "my own"));
        assert!(!is_in("pkcs11:token=my%20own;id=a", "any"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(id in prop::collection::vec(any::<u8>(), 1..=LONGEST)) {
            let reference = Reference::new(id);
            prop_assert_eq!(Reference::find(reference.to_string().as_bytes()), Ok(Some(reference)));
        }

        #[test]
        fn nothing_breaks_it(text in "(pkcs11:)?(id=)?\\PC{0,40}") {
            let found = Reference::find(text.as_bytes()).ok().flatten();
            prop_assert!(found.is_none_or(|reference| reference.id().len() <= LONGEST));
        }
    }
}
