//! What a server never gets from us: new privileges, capabilities, open descriptors, all the processes there are.

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set, set_no_new_privs};
use watchroom_model::Limits;

use super::papers::Launch;
use crate::account::Account;

/// Processes and threads of a server that has an account of its own and names no limit: far more than
/// servers need, and far fewer than the machine has.
const USUAL_PROCESSES: u32 = 4_096;

/// Closes every inherited descriptor, standard streams aside, to the programs we start: what was open in the
/// agent, or in the shell it was started from, is none of the server's business.
pub(super) fn keep_descriptors() {
    close_fds::set_fds_cloexec(3, &[]);
}

/// Gives up, for good and for everything we start, what no program run by us needs: set-user-id programs change
/// nothing any more, and no capability can come back. Root keeps them where the node's rules name it for this
/// server.
pub(super) fn give_up_privileges(account: Option<Account>) -> rustix::io::Result<()> {
    if account.is_some_and(|account| account.uid == 0) {
        return Ok(());
    }
    set_no_new_privs(true)?;
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        // Refused where we are not root, who alone has any, and past the last one there is.
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    Ok(())
}

/// The limits it asks for, and the usual one on processes where these are counted for it alone.
pub(super) fn limits(launch: &Launch) -> Limits {
    let mut limits = launch.limits.clone();
    if launch.own_uid().is_some() {
        limits.processes.get_or_insert(USUAL_PROCESSES);
    }
    limits
}
