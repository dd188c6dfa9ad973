//! The second proof that a form is ours: tokens bound to the session, or to a pre-session before sign-in.
//!
//! A session carries its own random token and ends with it. Before sign-in there is no session, so a
//! pre-session cookie, authenticated by a key of this process, says until when it holds; its token is
//! derived from it. A restart makes new pre-sessions: the form is then to be loaded again.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;
use watchroom_kit::{Ambient, Clock, Entropy};

/// How long a sign-in or set-up form may stay open, in microseconds: one hour.
const HOLDS: i64 = 3_600_000_000;

const NONCE: usize = 16;
const STAMP: usize = 8;
const MAC: usize = 32;

/// What a browser is given with the sign-in or set-up form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreSession {
    /// The value of the pre-session cookie.
    pub cookie: String,
    /// The value of the form field `csrf_token`.
    pub token: String,
}

/// Makes and checks pre-sessions.
#[derive(Debug)]
pub(crate) struct PreSessions {
    key: [u8; 32],
    clock: Clock,
    entropy: Entropy,
}

impl PreSessions {
    pub(crate) fn new(ambient: &Ambient) -> Self {
        Self {
            key: ambient.entropy.bytes(),
            clock: ambient.clock.clone(),
            entropy: ambient.entropy.clone(),
        }
    }

    pub(crate) fn make(&self) -> PreSession {
        let until = self.clock.now_micros() + HOLDS;
        let mut cookie = Vec::with_capacity(NONCE + STAMP + MAC);
        cookie.extend(self.entropy.bytes::<NONCE>());
        cookie.extend(until.to_be_bytes());
        let mac = self.mac("cookie", &cookie);
        cookie.extend(mac);
        let token = self.token_of(&cookie);
        PreSession {
            cookie: BASE64URL_NOPAD.encode(&cookie),
            token,
        }
    }

    /// The token that belongs to a pre-session cookie of ours that still holds.
    pub(crate) fn token(&self, cookie: &str) -> Option<String> {
        if cookie.len() != BASE64URL_NOPAD.encode_len(NONCE + STAMP + MAC) {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?;
        let (body, mac) = bytes.split_at_checked(NONCE + STAMP)?;
        let is_ours: bool = self.mac("cookie", body).ct_eq(mac).into();
        let until = i64::from_be_bytes(body.last_chunk::<STAMP>().copied()?);
        (is_ours && self.clock.now_micros() < until).then(|| self.token_of(&bytes))
    }

    pub(crate) fn check(&self, cookie: &str, token: &str) -> bool {
        self.token(cookie).is_some_and(|wanted| same(&wanted, token))
    }

    fn token_of(&self, cookie: &[u8]) -> String {
        BASE64URL_NOPAD.encode(&self.mac("token", cookie))
    }

    fn mac(&self, purpose: &str, of: &[u8]) -> [u8; MAC] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(purpose.as_bytes()).update(&[0]).update(of);
        *hasher.finalize().as_bytes()
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use time::OffsetDateTime;
    use watchroom_kit::Tasks;

    use super::*;

    fn pre_sessions() -> (Ambient, PreSessions) {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let ambient = Ambient {
            clock,
            entropy: Entropy::seeded(3),
            tasks: Tasks::new(),
        };
        let made = PreSessions::new(&ambient);
        (ambient, made)
    }

    #[test]
    fn a_form_holds_for_an_hour_and_only_with_its_own_cookie() {
        let (ambient, ours) = pre_sessions();
        let (one, other) = (ours.make(), ours.make());
        assert!(ours.check(&one.cookie, &one.token));
        assert!(!ours.check(&one.cookie, &other.token));
        assert_eq!(ours.token(&one.cookie), Some(one.token.clone()));
        ambient.clock.advance(Duration::from_secs(3_600));
        assert!(!ours.check(&one.cookie, &one.token));
    }

    #[test]
    fn a_form_of_another_process_is_not_ours() {
        let (_, ours) = pre_sessions();
        let theirs = PreSessions::new(&Ambient::system()).make();
        assert!(!ours.check(&theirs.cookie, &theirs.token));
    }

    proptest! {
        #[test]
        fn no_other_text_passes(cookie in "\\PC{0,90}", token in "\\PC{0,60}", at in 0_usize..74, to in "[A-Za-z0-9_-]") {
            let (_, ours) = pre_sessions();
            let real = ours.make();
            prop_assert!(!ours.check(&cookie, &token));
            prop_assert!(!ours.check(&real.cookie, &token));
            prop_assert!(!ours.check(&cookie, &real.token));
            let mut bent = real.cookie.clone();
            bent.replace_range(at..=at, &to);
            prop_assert_eq!(ours.check(&bent, &real.token), bent == real.cookie);
        }
    }
}
