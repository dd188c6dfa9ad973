//! Bans of a machine's own fail2ban, as its node shows them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An address or a network that fail2ban keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JailedAddress {
    address: IpAddr,
    /// How many leading bits count, of a network.
    bits: Option<u8>,
}

/// Why a text is not an address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address or a network, such as 192.0.2.7, 2001:db8::5 or 192.0.2.0/24")]
pub struct NotAnAddress;

impl FromStr for JailedAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| NotAnAddress)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotAnAddress)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if bits.is_some_and(|bits: u8| bits > most) {
            return Err(NotAnAddress);
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for JailedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits {
            Some(bits) => write!(f, "{}/{bits}", self.address),
            None => self.address.fmt(f),
        }
    }
}

impl TryFrom<String> for JailedAddress {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

impl From<JailedAddress> for String {
    fn from(address: JailedAddress) -> Self {
        address.to_string()
    }
}

/// One ban of fail2ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jailed {
    /// Who is kept out.
    #[schema(value_type = String)]
    pub address: JailedAddress,
    /// Since when, by the machine's own clock and in its own time zone, as fail2ban writes it.
    pub since: Option<String>,
    /// Until when, in the same form; absent without an end.
    pub until: Option<String>,
}

/// The jail of this product, as fail2ban of one machine has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jail {
    /// What it is called.
    pub name: String,
    /// Who is in it.
    pub banned: Vec<Jailed>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_addresses_and_networks_are_taken() {
        for text in [
            "192.0.2.7",
            "2001:db8::5",
            "192.0.2.0/24",
            "2001:db8::/32",
            "0.0.0.0/0",
        ] {
            assert_eq!(text.parse::<JailedAddress>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "-h",
            "--all",
            "192.0.2.7 192.0.2.8",
            "192.0.2.0/33",
            "::/129",
            "a.example",
            "192.0.2.7/",
            "192.0.2.7\n",
        ] {
            assert_eq!(text.parse::<JailedAddress>(), Err(NotAnAddress), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_written_without_anything_that_a_program_could_take_for_an_option(text in "\\PC{0,24}") {
            if let Ok(address) = text.parse::<JailedAddress>() {
                let written = address.to_string();
                prop_assert!(written.starts_with(|first: char| first.is_ascii_hexdigit() || first == ':'));
                prop_assert_eq!(written.parse(), Ok(address));
            }
        }
    }
}
