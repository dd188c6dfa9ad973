//! The parsers of this crate, open to the fuzz targets and to the test below; no other build has them.

use watchroom_kit::{Ambient, Entropy};

use crate::csrf::PreSessions;
use crate::tokens::text;

/// Something that claims to be an API token, a pre-session cookie or its token. Chance makes none of them.
pub fn credentials(claim: &str) {
    let entropy = Entropy::seeded(7);
    let is_token = text::is_well_formed(claim);
    assert!(!is_token || claim.len() == 56 && claim.is_ascii());
    let ambient = Ambient {
        entropy,
        ..Ambient::system()
    };
    let pre_sessions = PreSessions::new(&ambient);
    let (cookie, token) = claim.split_once('\n').unwrap_or((claim, claim));
    assert!(!pre_sessions.check(cookie, token), "a pre-session out of nothing");
    let ours = pre_sessions.make();
    assert!(pre_sessions.check(&ours.cookie, &ours.token));
    assert!(ours.token == claim || !pre_sessions.check(&ours.cookie, claim));
    assert!(ours.cookie == claim || !pre_sessions.check(claim, &ours.token));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_hooks_stand_any_text(text in "\\PC{0,80}", like_a_token in "wr_(pat|svc)_[0-9A-Za-z]{49}") {
            credentials(&text);
            credentials(&like_a_token);
        }
    }
}
