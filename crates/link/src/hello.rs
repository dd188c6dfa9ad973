//! What the ends tell each other first, and whether they can work together.

use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_model::NodeName;
use watchroom_trust::{Fingerprint, TOLERATED_SKEW_S};

use crate::ConnectFault;

/// What a node says of itself before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeHello {
    /// The version of its agent.
    pub version: String,
    /// Its name, as it calls itself; who it is was proven by its certificate.
    pub name: NodeName,
    /// The number of this link: raised on the node's disk before each dial.
    pub epoch: u64,
    /// Which process of the agent dials. Two machines with one key never share it.
    pub agent: Uuid,
    /// The epoch of the same agent's link that stays up until this one has taken over.
    pub beside: Option<u64>,
    /// The CAs that it trusts.
    pub anchors: Vec<Fingerprint>,
    /// What it can do beyond what its version promises.
    pub capabilities: Vec<String>,
    /// Its clock.
    pub clock: OffsetDateTime,
}

impl NodeHello {
    /// Whether it says that it can do this.
    pub(crate) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|one| one == capability)
    }
}

/// Whether a node and a Host of these versions and clocks can work together.
pub(crate) fn judge(hello: &NodeHello, host_version: &str, now: OffsetDateTime) -> Result<(), ConnectFault> {
    if !are_compatible(&hello.version, host_version) {
        return Err(ConnectFault::VersionTooOld {
            node: hello.version.clone(),
            host: host_version.to_owned(),
        });
    }
    let seconds = (hello.clock - now).whole_seconds();
    if seconds.abs() > TOLERATED_SKEW_S {
        Err(ConnectFault::ClockSkewed { seconds })
    } else {
        Ok(())
    }
}

/// Same major version, at most one minor version apart; a version that does not parse fits only itself.
fn are_compatible(one: &str, other: &str) -> bool {
    match (minor(one), minor(other)) {
        (Some((major, minor)), Some((other_major, other_minor))) => {
            major == other_major && minor.abs_diff(other_minor) <= 1
        }
        _ => one == other,
    }
}

fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn hello(version: &str, ahead_s: i64) -> NodeHello {
        let clock = OffsetDateTime::UNIX_EPOCH + Duration::seconds(ahead_s);
        let name = "n".parse().unwrap();
        NodeHello {
            version: version.to_owned(),
            name,
            epoch: 1,
            agent: Uuid::nil(),
            beside: None,
            anchors: Vec::new(),
            capabilities: Vec::new(),
            clock,
        }
    }

    proptest! {
        #[test]
        fn one_minor_version_apart_works_both_ways_and_two_never(minor in 0u32..50, apart in 0u32..4, patch in 0u32..9) {
            let (old, new) = (format!("1.{minor}.{patch}"), format!("1.{}.0", minor + apart));
            prop_assert_eq!(are_compatible(&old, &new), apart <= 1);
            prop_assert_eq!(are_compatible(&new, &old), apart <= 1);
            let next_major = format!("2.{minor}.0");
            prop_assert!(!are_compatible(&old, &next_major));
        }

        #[test]
        fn a_version_of_any_text_is_judged_without_panic(version in "\\PC{0,20}") {
            prop_assert!(are_compatible(&version, &version));
        }

        #[test]
        fn five_minutes_of_skew_are_tolerated_and_more_is_named_with_its_seconds(ahead_s in -4_000i64..4_000) {
            let verdict = judge(&hello("1.0.0", ahead_s), "1.0.0", OffsetDateTime::UNIX_EPOCH);
            let expected = if ahead_s.abs() > 300 { Err(ConnectFault::ClockSkewed { seconds: ahead_s }) } else { Ok(()) };
            prop_assert_eq!(verdict, expected);
        }
    }
}
