//! Who is banned: looked up on every request with one read of a prefix tree, replaced as a whole when a ban
//! comes or goes. Why somebody is banned, and who said so, is remembered elsewhere.

mod tree;

use std::net::IpAddr;

use tree::{Branch, covering, place};

use crate::Network;
use crate::address::folded;

/// What a ban keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BanKind {
    /// Sign-in and whoever shows nothing valid. Sessions and tokens that hold go on, so that one person's typing
    /// does not end what a crew is doing.
    SignIn,
    /// Everything.
    Attack,
}

/// One ban, as far as the edge needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The network that is kept out.
    pub network: Network,
    /// From what.
    pub kind: BanKind,
    /// Until when, in microseconds since the Unix epoch; `i64::MAX` for one without an end.
    pub until: i64,
}

/// All bans. An IPv4-mapped address is banned with the IPv4 address it stands for.
#[derive(Debug, Default)]
pub struct BanBook {
    v4: Branch<Terms>,
    v6: Branch<Terms>,
}

/// Until when each kind of ban holds for a network; zero for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    sign_in: i64,
    attack: i64,
}

impl Terms {
    /// Whether any ban was ever said; only then is the time worth asking for.
    pub(crate) fn are_empty(self) -> bool {
        self == Self::default()
    }

    /// What holds at that time.
    pub(crate) fn at(self, now: i64) -> Option<BanKind> {
        if now < self.attack {
            Some(BanKind::Attack)
        } else if now < self.sign_in {
            Some(BanKind::SignIn)
        } else {
            None
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            sign_in: self.sign_in.max(other.sign_in),
            attack: self.attack.max(other.attack),
        }
    }
}

impl FromIterator<Ban> for BanBook {
    fn from_iter<I: IntoIterator<Item = Ban>>(bans: I) -> Self {
        let mut book = Self::default();
        for ban in bans {
            let (prefix, length) = ban.network.prefix();
            let branch = match ban.network.is_ipv4() {
                true => &mut book.v4,
                false => &mut book.v6,
            };
            let terms = place(branch, prefix, length);
            let until = match ban.kind {
                BanKind::SignIn => &mut terms.sign_in,
                BanKind::Attack => &mut terms.attack,
            };
            *until = ban.until.max(*until);
        }
        book
    }
}

impl BanBook {
    /// What all bans together say of an address. Neither waits nor allocates.
    pub(crate) fn terms(&self, address: IpAddr) -> Terms {
        let (branch, bits) = match folded(address) {
            IpAddr::V4(address) => (&self.v4, u128::from(address.to_bits()) << 96),
            IpAddr::V6(address) => (&self.v6, address.to_bits()),
        };
        covering(branch, bits).fold(Terms::default(), |terms, other| terms.or(*other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ban(network: &str, kind: BanKind, until: i64) -> Ban {
        Ban {
            network: network.parse().unwrap(),
            kind,
            until,
        }
    }

    fn says(book: &BanBook, address: &str, now: i64) -> Option<BanKind> {
        book.terms(address.parse().unwrap()).at(now)
    }

    #[test]
    fn a_ban_holds_for_its_network_and_its_time_and_the_stronger_one_counts() {
        let book = BanBook::from_iter([
            ban("192.0.2.0/24", BanKind::SignIn, 100),
            ban("192.0.2.7", BanKind::Attack, 50),
            ban("2001:db8:1:2::/64", BanKind::Attack, 100),
        ]);
        assert_eq!(says(&book, "192.0.2.7", 49), Some(BanKind::Attack));
        assert_eq!(says(&book, "192.0.2.7", 50), Some(BanKind::SignIn));
        assert_eq!(says(&book, "192.0.2.8", 99), Some(BanKind::SignIn));
        assert_eq!(says(&book, "192.0.2.8", 100), None);
        assert_eq!(says(&book, "192.0.3.7", 0), None);
        assert_eq!(says(&book, "2001:db8:1:2:ffff::1", 0), Some(BanKind::Attack));
        assert_eq!(says(&book, "2001:db8:1:3::1", 0), None);
    }

    #[test]
    fn an_address_in_disguise_is_the_address() {
        let book = BanBook::from_iter([ban("::ffff:192.0.2.0/120", BanKind::Attack, 1)]);
        assert_eq!(says(&book, "::ffff:192.0.2.9", 0), Some(BanKind::Attack));
        assert_eq!(says(&book, "192.0.2.9", 0), Some(BanKind::Attack));
        assert_eq!(says(&book, "192.0.3.9", 0), None);
    }

    #[test]
    fn a_ban_of_everything_is_one_too() {
        let book = BanBook::from_iter([ban("0.0.0.0/0", BanKind::SignIn, i64::MAX)]);
        assert_eq!(says(&book, "203.0.113.1", i64::MAX - 1), Some(BanKind::SignIn));
        assert_eq!(says(&book, "2001:db8::1", 0), None);
    }

    /// Few bits, so that networks lie in one another often.
    fn network() -> impl Strategy<Value = String> {
        let v4 = (0_u8..4, 0_u8..4, 8_u8..=32).prop_map(|(a, b, length)| format!("10.{a}.0.{b}/{length}"));
        let v6 =
            (0_u16..4, 0_u16..4, 16_u8..=64).prop_map(|(a, b, length)| format!("2001:{a}:0:{b}::/{length}"));
        prop_oneof![v4, v6]
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        let v4 = (0_u8..4, 0_u8..4).prop_map(|(a, b)| format!("10.{a}.0.{b}"));
        let mapped = (0_u8..4, 0_u8..4).prop_map(|(a, b)| format!("::ffff:10.{a}.0.{b}"));
        let v6 = (0_u16..4, 0_u16..4, any::<u16>()).prop_map(|(a, b, c)| format!("2001:{a}:0:{b}::{c:x}"));
        prop_oneof![v4, mapped, v6].prop_map(|text| text.parse().unwrap())
    }

    proptest! {
        #[test]
        fn the_tree_says_what_reading_all_bans_would_say(
            drafts in proptest::collection::vec((network(), any::<bool>(), 1_i64..100), 0..40),
            addresses in proptest::collection::vec(address(), 1..20),
            now in 0_i64..100,
        ) {
            let bans: Vec<Ban> = drafts
                .iter()
                .map(|(network, is_attack, until)| {
                    ban(network, if *is_attack { BanKind::Attack } else { BanKind::SignIn }, *until)
                })
                .collect();
            let book: BanBook = bans.iter().copied().collect();
            for address in addresses {
                let holds = |kind| {
                    let mut all = bans.iter();
                    all.any(|ban| ban.kind == kind && now < ban.until && ban.network.contains(address))
                };
                let expected = match (holds(BanKind::Attack), holds(BanKind::SignIn)) {
                    (true, _) => Some(BanKind::Attack),
                    (false, true) => Some(BanKind::SignIn),
                    (false, false) => None,
                };
                prop_assert_eq!(book.terms(address).at(now), expected);
            }
        }
    }
}
