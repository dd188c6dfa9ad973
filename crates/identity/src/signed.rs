//! Texts that a browser keeps for us for a while and cannot change: signed with a key that all replicas share.
//!
//! Whoever has such a text can read it. It holds until its time and for its purpose; that it is taken once is for
//! whoever takes it to see to.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use crate::key::SharedKey;

const STAMP: usize = 8;
const MAC: usize = 32;
/// Longest signed text, in bytes: browsers keep no larger cookies.
const LONGEST: usize = 3_900;

/// Signs and opens them.
#[derive(Debug)]
pub(crate) struct Signatures {
    key: [u8; 32],
}

impl Signatures {
    pub(crate) fn new(key: &SharedKey) -> Self {
        Self {
            key: key.derive("texts that browsers keep"),
        }
    }

    /// The text as a browser may keep it until then; `None` if it is too long for that.
    pub(crate) fn sign(&self, purpose: &str, until: i64, text: &str) -> Option<String> {
        let mut body = until.to_be_bytes().to_vec();
        body.extend(text.as_bytes());
        let mut whole = self.mac(purpose, &body).to_vec();
        whole.extend(body);
        let signed = BASE64URL_NOPAD.encode(&whole);
        (signed.len() <= LONGEST).then_some(signed)
    }

    /// The text that was signed for this purpose, while it holds.
    pub(crate) fn open(&self, purpose: &str, signed: &str, now: i64) -> Option<String> {
        if signed.len() > LONGEST {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(signed.as_bytes()).ok()?;
        let (mac, body) = bytes.split_at_checked(MAC)?;
        let is_ours: bool = self.mac(purpose, body).ct_eq(mac).into();
        let (stamp, text) = body.split_first_chunk::<STAMP>()?;
        let holds = is_ours && now < i64::from_be_bytes(*stamp);
        holds.then(|| String::from_utf8(text.to_vec()).ok()).flatten()
    }

    /// What only we can make of a text: for numbers that nobody else must guess.
    pub(crate) fn derive(&self, purpose: &str, of: &str) -> [u8; 32] {
        self.mac(purpose, of.as_bytes())
    }

    fn mac(&self, purpose: &str, of: &[u8]) -> [u8; MAC] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(purpose.as_bytes()).update(&[0]).update(of);
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ours() -> Signatures {
        Signatures::new(&SharedKey::new([7; 32]))
    }

    #[test]
    fn a_text_holds_for_its_purpose_its_time_and_its_cluster() {
        let signed = ours().sign("errand", 100, "there and back").unwrap();
        assert_eq!(
            ours().open("errand", &signed, 99).as_deref(),
            Some("there and back")
        );
        assert_eq!(ours().open("errand", &signed, 100), None);
        assert_eq!(ours().open("offer", &signed, 99), None);
        let theirs = Signatures::new(&SharedKey::new([8; 32]));
        assert_eq!(theirs.open("errand", &signed, 99), None);
        assert_eq!(
            ours().sign("errand", 100, &"a".repeat(4_000)),
            None,
            "no cookie is that long"
        );
    }

    proptest! {
        #[test]
        fn no_other_text_opens(text in "\\PC{0,80}", at in 0_usize..120, to in "[A-Za-z0-9_-]", typed in "\\PC{0,120}") {
            prop_assert_eq!(ours().open("errand", &typed, 0), None);
            let signed = ours().sign("errand", 100, &text).unwrap();
            let mut bent = signed.clone();
            let at = at % bent.len();
            bent.replace_range(at..=at, &to);
            prop_assert_eq!(ours().open("errand", &bent, 0).is_some(), bent == signed);
        }
    }
}
