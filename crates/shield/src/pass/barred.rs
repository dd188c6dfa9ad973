//! The checks that turn away by address: two of them, bans, networks, and the decoys that lead to bans.

use super::Visit;
use crate::address::folded;
use crate::peer::Door;
use crate::{BanKind, RouteClass, Shield, Why};

/// Health is told to everybody, and whoever holds the machine itself can always mend things.
fn is_open(visit: &Visit<'_>) -> bool {
    visit.rule.class == RouteClass::Health || visit.is_by_socket()
}

/// Who sends a header that the proxy passes on would otherwise choose to be at the proxy's own address.
pub(super) fn contradictions(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    if visit.client.is_contradicted && visit.rule.class != RouteClass::Health {
        return Err(Why::Contradicted);
    }
    Ok(())
}

/// Whoever sits at a machine is let to a page that only that machine reaches, whatever is banned.
fn is_at_this_machine(visit: &Visit<'_>) -> bool {
    visit.peer.door == Door::Loopback && visit.client.address.is_loopback()
}

/// A ban for sign-in lets on whoever shows something, until it is known what that is worth.
pub(super) fn bans(shield: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    if is_open(visit) || is_at_this_machine(visit) {
        return Ok(());
    }
    // Whoever says they pass on for somebody is no less banned than before they said so.
    let address = if visit.client.is_undeclared_proxy {
        folded(visit.peer.address.ip())
    } else {
        visit.client.address
    };
    match shield.banned(address) {
        None => Ok(()),
        Some(BanKind::Attack) => Err(Why::Banned),
        Some(BanKind::SignIn) => {
            let presents = visit.heads.authorization.is_there() || visit.heads.cookie.is_there();
            visit.is_sign_in_banned = true;
            if presents { Ok(()) } else { Err(Why::Banned) }
        }
    }
}

/// Loopback is one's own machine, unless something passes requests of others on there.
pub(super) fn networks(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    if is_open(visit) || visit.client.is_loopback || visit.rule.is_for_all_networks {
        return Ok(());
    }
    let class = match visit.peer.door {
        Door::Narrow(class) => class,
        _ => visit.rule.class,
    };
    let allowed = &visit.rules.config.allowed_networks;
    match allowed.bar(class, visit.client.address) {
        None => Ok(()),
        Some(setting) => Err(Why::OutsideNetworks { setting }),
    }
}

/// Touching a decoy is told, and answered as if there were nothing special about it. Whether it may lead to a ban is
/// told as well: else any page could have its visitors banned.
pub(super) fn decoys(shield: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let path = visit.parts.uri.path();
    if visit.rules.decoys.contain(path) {
        shield.tell_of_decoy(
            path,
            visit.client.address,
            visit.told.request_id,
            visit.is_own_doing(),
        );
    }
    Ok(())
}
