//! Known browsers: a signed cookie says that somebody has signed in with this browser before.
//!
//! It opens nothing. It only gives the browser tries of its own at that account's password, so that strangers who
//! use up the account's lock out nobody who was there before. The key is the same on every replica.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use watchroom_kit::Ambient;
use watchroom_model::{DeviceId, UserId};

use crate::key::SharedKey;

/// How long a browser stays known after a sign-in, in seconds: a year.
pub(crate) const KNOWN_S: u32 = 365 * 86_400;
/// People whom one browser is known for; with one more the one who signed in longest ago is forgotten.
const MOST_PEOPLE: usize = 4;

const ID: usize = 16;
const STAMP: usize = 8;
const MAC: usize = 32;
const BODY: usize = ID + ID + STAMP;

/// Stands between the people of a cookie.
const BETWEEN: char = '.';

/// Makes and checks the cookies of known browsers.
#[derive(Debug)]
pub(crate) struct Devices {
    key: [u8; 32],
}

impl Devices {
    pub(crate) fn new(key: &SharedKey) -> Self {
        Self {
            key: key.derive("known browsers"),
        }
    }

    /// The browser's id for that account, if the cookie is ours and still holds.
    pub(crate) fn find(&self, cookie: &str, user: UserId, now: i64) -> Option<DeviceId> {
        let mut known = self.people(cookie, now);
        known.find(|(_, of, _)| *of == user).map(|(_, _, device)| device)
    }

    /// The cookie to give the browser after a sign-in: it stays known for whom it was, and by the same id.
    pub(crate) fn renew(&self, cookie: Option<&str>, user: UserId, ambient: &Ambient) -> String {
        let now = ambient.clock.now_micros();
        let before = cookie.unwrap_or_default();
        let device = self.find(before, user, now);
        let device = device.unwrap_or_else(|| DeviceId::mint(ambient));
        let newest = self.entry(user, device, now + crate::stamp::seconds(KNOWN_S));
        let others = self.people(before, now).filter(|(_, of, _)| *of != user);
        let others = others.map(|(text, ..)| text.to_owned()).take(MOST_PEOPLE - 1);
        let all: Vec<String> = std::iter::once(newest).chain(others).collect();
        all.join(&BETWEEN.to_string())
    }

    fn entry(&self, user: UserId, device: DeviceId, until: i64) -> String {
        let mut entry = Vec::with_capacity(BODY + MAC);
        entry.extend(user.as_uuid().as_bytes());
        entry.extend(device.as_uuid().as_bytes());
        entry.extend(until.to_be_bytes());
        let mac = self.mac(&entry);
        entry.extend(mac);
        BASE64URL_NOPAD.encode(&entry)
    }

    /// The entries of a cookie that are ours and hold, the newest first; what follows too many is not looked at.
    fn people<'c>(
        &self,
        cookie: &'c str,
        now: i64,
    ) -> impl Iterator<Item = (&'c str, UserId, DeviceId)> + use<'_, 'c> {
        let entries = cookie.split(BETWEEN).take(MOST_PEOPLE);
        entries.filter_map(move |text| {
            let (user, device, until) = self.read(text)?;
            (now < until).then_some((text, user, device))
        })
    }

    fn read(&self, text: &str) -> Option<(UserId, DeviceId, i64)> {
        if text.len() != BASE64URL_NOPAD.encode_len(BODY + MAC) {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        let is_ours: bool = self.mac(body).ct_eq(mac).into();
        let (user, rest) = body.split_first_chunk::<ID>()?;
        let (device, rest) = rest.split_first_chunk::<ID>()?;
        let until = i64::from_be_bytes(rest.first_chunk::<STAMP>().copied()?);
        let ids = (Uuid::from_bytes(*user).into(), Uuid::from_bytes(*device).into());
        is_ours.then_some((ids.0, ids.1, until))
    }

    fn mac(&self, body: &[u8]) -> [u8; MAC] {
        *blake3::keyed_hash(&self.key, body).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use time::OffsetDateTime;
    use watchroom_kit::{Clock, Entropy, Tasks};

    use super::*;

    fn room() -> (Ambient, Devices) {
        let ambient = Ambient {
            clock: Clock::manual(OffsetDateTime::UNIX_EPOCH),
            entropy: Entropy::seeded(5),
            tasks: Tasks::new(),
        };
        (ambient, Devices::new(&SharedKey::new([7; 32])))
    }

    #[test]
    fn a_browser_is_known_for_a_year_and_for_whom_it_was() {
        let (ambient, devices) = room();
        let (alice, bob) = (UserId::mint(&ambient), UserId::mint(&ambient));
        let cookie = devices.renew(None, alice, &ambient);
        let now = || ambient.clock.now_micros();
        let known = devices.find(&cookie, alice, now());
        assert!(known.is_some());
        assert_eq!(devices.find(&cookie, bob, now()), None);
        let of_another_cluster = Devices::new(&SharedKey::new([8; 32]));
        assert_eq!(of_another_cluster.find(&cookie, alice, now()), None);
        let again = devices.renew(Some(&cookie), alice, &ambient);
        assert_eq!(devices.find(&again, alice, now()), known, "the same browser");
        ambient.clock.advance(Duration::from_secs(u64::from(KNOWN_S)));
        assert_eq!(devices.find(&again, alice, now()), None);
    }

    #[test]
    fn a_browser_of_several_people_is_known_for_the_last_four() {
        let (ambient, devices) = room();
        let people: Vec<_> = (0..6).map(|_| UserId::mint(&ambient)).collect();
        let mut cookie = None;
        for user in &people {
            cookie = Some(devices.renew(cookie.as_deref(), *user, &ambient));
        }
        let cookie = cookie.unwrap();
        let now = ambient.clock.now_micros();
        let known: Vec<bool> = people
            .iter()
            .map(|user| devices.find(&cookie, *user, now).is_some())
            .collect();
        assert_eq!(known, [false, false, true, true, true, true]);
        assert!(cookie.len() < 400, "{}", cookie.len());
    }

    proptest! {
        #[test]
        fn no_other_text_makes_a_browser_known(text in "\\PC{0,120}", at in 0_usize..96, to in "[A-Za-z0-9_-]") {
            let (ambient, devices) = room();
            let alice = UserId::mint(&ambient);
            let now = ambient.clock.now_micros();
            prop_assert_eq!(devices.find(&text, alice, now), None);
            let real = devices.renew(None, alice, &ambient);
            let mut bent = real.clone();
            bent.replace_range(at..=at, &to);
            prop_assert_eq!(devices.find(&bent, alice, now).is_some(), bent == real);
        }
    }
}
