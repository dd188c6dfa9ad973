//! From where somebody tries a password, and which doors that leads to.

use std::net::IpAddr;

use watchroom_model::{DeviceId, SessionId};

use super::Lockouts;
use crate::network::Network;

/// From where somebody tries: strangers are told apart by their network, known browsers and sessions by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A browser that nobody knows, in that network.
    Network(Network),
    /// A browser that has signed in to this account before.
    Device(DeviceId),
    /// A session of this account, which proves itself again.
    Session(SessionId),
}

/// What a lockout keeps closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The account, for one network.
    Network,
    /// The account, for every browser that is not known.
    Everywhere,
    /// The account, for one known browser or session.
    Device,
}

impl Scope {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Everywhere => "everywhere",
            Self::Device => "device",
        }
    }
}

/// Something that can be locked: a name and a place, or all tries of a budget. Hashed with a key that replicas share:
/// names that people typed, which may be passwords in the wrong field, are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Door([u8; 32]);

/// As the database keeps it.
impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::str::FromStr for Door {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(drop)?;
        bytes.try_into().map(Self).map_err(drop)
    }
}

/// The two doors that a try must find open: the near one locks soon and for a short while, and is one of many; the
/// far one is the budget of all tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doors {
    pub(crate) near: Door,
    pub(crate) far: Door,
    pub(crate) place: Place,
}

impl Doors {
    /// What the near door locks.
    pub(crate) const fn near_scope(&self) -> Scope {
        match self.place {
            Place::Network(_) => Scope::Network,
            Place::Device(_) | Place::Session(_) => Scope::Device,
        }
    }

    /// What the far door locks.
    pub(crate) const fn far_scope(&self) -> Scope {
        match self.place {
            Place::Network(_) => Scope::Everywhere,
            Place::Device(_) | Place::Session(_) => Scope::Device,
        }
    }
}

impl Place {
    /// A stranger's place, by address.
    pub(crate) fn of(from: Option<IpAddr>) -> Self {
        Self::Network(from.into())
    }
}

impl Lockouts {
    /// The doors for an account name, as typed, from a place.
    pub(crate) fn doors(&self, name: &str, place: Place) -> Doors {
        let name = name.to_ascii_lowercase();
        let mut near = self.hasher("near");
        let mut far = self.hasher("far");
        match place {
            Place::Network(network) => {
                add_network(&mut near, network);
            }
            Place::Device(device) => {
                for hasher in [&mut near, &mut far] {
                    hasher.update(b"device").update(device.as_uuid().as_bytes());
                }
            }
            Place::Session(session) => {
                for hasher in [&mut near, &mut far] {
                    hasher.update(b"session").update(session.as_uuid().as_bytes());
                }
            }
        }
        let closed = |mut hasher: blake3::Hasher| Door(*hasher.update(name.as_bytes()).finalize().as_bytes());
        Doors {
            near: closed(near),
            far: closed(far),
            place,
        }
    }

    fn hasher(&self, purpose: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // A length before each part of any length: no two lists of parts are the same bytes.
        hasher
            .update(&[u8::try_from(purpose.len()).unwrap_or(u8::MAX)])
            .update(purpose.as_bytes());
        hasher
    }
}

fn add_network(hasher: &mut blake3::Hasher, network: Network) {
    match network {
        Network::Inside => _ = hasher.update(&[0]),
        Network::V4(parts) => _ = hasher.update(&[4]).update(&parts),
        Network::V6(parts) => {
            hasher.update(&[6]);
            for part in parts {
                hasher.update(&part.to_be_bytes());
            }
        }
    }
}
