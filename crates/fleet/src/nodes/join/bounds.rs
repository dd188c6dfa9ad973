//! How often somebody may ask, and how many may wait: nobody takes the list from the others.

use std::net::{IpAddr, Ipv6Addr};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use watchroom_model::join::JoinStatus;
use watchroom_store::WriteTx;

use super::list::word;
use super::{HOUR_US, JoinError, JoinRules, request_entity as entity};

/// What part of those who may wait one network may take.
const SHARE: u32 = 4;
/// Bits of an address that are one customer's: a machine, or a house.
const CUSTOMER: Bits = Bits { v4: 32, v6: 64 };
/// Bits of what one customer may easily have many of.
const NETWORK: Bits = Bits { v4: 24, v6: 48 };

/// How many leading bits count, of each kind of address.
#[derive(Clone, Copy)]
struct Bits {
    v4: u32,
    v6: u32,
}

/// Whether this request may be heard. Who holds a join token was invited, and waits beside those who were not.
pub(super) async fn within_bounds(
    tx: &WriteTx,
    row: &entity::Model,
    is_invited: bool,
    rules: &JoinRules,
) -> Result<(), JoinError> {
    // The Host's own machine speaks for many behind it, and for itself.
    let from: Option<IpAddr> = row.from_address.parse().ok();
    if !is_invited {
        let pending = entity::Entity::find()
            .filter(entity::Column::Status.eq(word(JoinStatus::Pending)))
            .filter(entity::Column::JoinToken.is_null())
            .filter(entity::Column::ExpiresAt.gt(row.requested_at));
        let pending = tx.all(pending).await?;
        within(pending.len(), rules.most_pending)?;
        if let Some(from) = from {
            let beside = near(&pending, from, NETWORK);
            within(beside, (rules.most_pending / SHARE).max(1))?;
        }
    }
    let Some(from) = from else { return Ok(()) };
    let recent = tx.all(asked_around(from, row.requested_at - HOUR_US)).await?;
    if near(&recent, from, CUSTOMER) >= usize::try_from(rules.per_address_per_hour).unwrap_or(usize::MAX) {
        return Err(JoinError::TooOften {
            per_hour: rules.per_address_per_hour,
        });
    }
    Ok(())
}

fn within(waiting: usize, most: u32) -> Result<(), JoinError> {
    if waiting < usize::try_from(most).unwrap_or(usize::MAX) {
        return Ok(());
    }
    Err(JoinError::Full { most })
}

/// How many of the requests came from where this address is.
fn near(requests: &[entity::Model], from: IpAddr, bits: Bits) -> usize {
    let place = place(from, bits);
    let beside = requests.iter().filter(|request| {
        let from = request.from_address.parse();
        from.is_ok_and(|from| self::place(from, bits) == place)
    });
    beside.count()
}

/// The leading bits of an address, left-aligned; one of IPv4 as its mapped form.
fn place(address: IpAddr, bits: Bits) -> u128 {
    let (address, counted) = match address.to_canonical() {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), 96 + bits.v4),
        IpAddr::V6(address) => (address, bits.v6),
    };
    address.to_bits() & !u128::MAX.checked_shr(counted).unwrap_or(0)
}

/// Requests since then of this address, or, for IPv6, of at least all that share its /64.
fn asked_around(from: IpAddr, since: i64) -> Select<entity::Entity> {
    let recent = entity::Entity::find().filter(entity::Column::RequestedAt.gt(since));
    match from.to_canonical() {
        IpAddr::V4(from) => recent.filter(entity::Column::FromAddress.eq(from.to_string())),
        IpAddr::V6(from) => recent.filter(entity::Column::FromAddress.starts_with(beginning(from))),
    }
}

/// What the texts of all addresses in this one's /64 begin with: its groups before the first zero, where the text may
/// be shortened.
fn beginning(address: Ipv6Addr) -> String {
    let groups = address.segments().into_iter().take(4);
    groups
        .take_while(|group| *group != 0)
        .map(|group| format!("{group:x}:"))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_house_is_one_customer_and_its_provider_one_network() {
        let same = |one: &str, other: &str, bits| {
            let place = |text: &str| place(text.parse().expect("an address"), bits);
            place(one) == place(other)
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:0:0:2", CUSTOMER));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1", CUSTOMER));
        assert!(same("2001:db8::1", "2001:db8:0:1::1", NETWORK));
        assert!(!same("2001:db8::1", "2001:db8:1::1", NETWORK));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1", CUSTOMER));
        assert!(!same("192.0.2.1", "192.0.2.2", CUSTOMER));
        assert!(same("192.0.2.1", "192.0.2.2", NETWORK) && !same("192.0.2.1", "192.0.3.1", NETWORK));
        assert!(!same("192.0.2.1", "::1", NETWORK));
    }

    proptest! {
        #[test]
        fn the_text_of_whatever_shares_a_64_begins_alike(
            groups in prop::array::uniform4(prop_oneof![Just(0_u16), any::<u16>()]),
            one in any::<u64>(),
            other in any::<u64>(),
        ) {
            let network = groups.into_iter().fold(0_u128, |bits, group| bits << 16 | u128::from(group)) << 64;
            let [one, other] = [one, other].map(|host| Ipv6Addr::from_bits(network | u128::from(host)));
            // The mapped form of an IPv4 address never gets here.
            if one.to_ipv4_mapped().is_none() && other.to_ipv4_mapped().is_none() {
                prop_assert!(other.to_string().starts_with(&beginning(one)));
            }
        }
    }
}
