//! What whoever runs a command on the Host's own machine may do there, with nothing between them and the state folder.

#[cfg(feature = "host")]
pub(super) use self::leave::permit;

#[cfg(feature = "host")]
mod leave {
    use std::sync::Arc;

    use watchroom_kit::Ambient;
    use watchroom_model::DecisionId;
    use watchroom_policy::{Act, Ask, Permit, Principal, Resource, ResourceKind, Trail, decide};

    use crate::failure::Failure;

    /// Leave to do this to the Host.
    pub(in crate::cli) fn permit<A: Act>(ambient: &Ambient, act: A) -> Result<Permit<A>, Failure> {
        let ask = Ask {
            principal: &Arc::new(Principal::local(super::who())),
            trail: &Trail::default(),
            decision: DecisionId::mint(ambient),
            now: ambient.now(),
        };
        let permit = decide(&ask, act, &Resource::all(ResourceKind::Host));
        permit.map_err(|refusal| Failure::from(*refusal))
    }
}

/// Whose account this runs under, as the log names those on the Host's own machine.
pub(super) fn who() -> String {
    match rustix::process::geteuid() {
        uid if uid.is_root() => "root".to_owned(),
        uid => format!("uid-{uid}"),
    }
}
