//! What this node allows: kinds of order, folders, accounts, programs. What passes is a [`Launch`].

use std::collections::BTreeMap;

use uuid::Uuid;
use watchroom_model::{Limits, MachineOrder, Order, ServerSpec};

use crate::account::{self, Account};
use crate::claims::{Claim, Claims};
use crate::console::Bounds;
use crate::place::Place;
use crate::power::Going;
use crate::process::{Kin, RUN_MARK};
use crate::program;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::shim::Launch;
use crate::supervisor::standing::Kept;

/// Where programs are looked for, unless the server's own environment says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether the node's rules let this order through, and the machine has the means for it.
pub(crate) fn allows(settings: &Settings, order: &Order) -> Result<(), Refusal> {
    if settings.rules.refuse.contains(&order.kind()) {
        return Err(Refusal::kind(order.kind()));
    }
    match order {
        Order::Machine(MachineOrder::Restart) => Going::Restart.means(settings).map(drop),
        Order::Machine(MachineOrder::ShutDown) => Going::ShutDown.means(settings).map(drop),
        Order::Machine(MachineOrder::Unjail { .. }) => settings.fail2ban.allows(settings.rules.named_file()),
        Order::Machine(MachineOrder::StayUp) | Order::Server(_) => Ok(()),
    }
}

/// Whether servers may run at all: as root each has an account of its own, otherwise all have the agent's.
fn allows_accounts(settings: &Settings) -> Result<(), Refusal> {
    if account::are_we_root() || settings.rules.same_account {
        Ok(())
    } else {
        Err(Refusal::SameAccountNotAllowed {
            uid: rustix::process::geteuid().as_raw(),
            file: settings.rules.named_file(),
        })
    }
}

/// Who a server that names an account runs as; `None` is the agent's own account, where it cannot change to
/// others.
fn named(settings: &Settings, name: &str) -> Result<Option<Account>, Refusal> {
    let name = name.to_owned();
    if !settings.rules.run_as.contains(&name) {
        return Err(Refusal::RunAsNotAllowed { name });
    }
    let Some(account) = account::named(&name) else {
        return Err(Refusal::NoSuchAccount { name });
    };
    if account::are_we_root() {
        Ok(Some(account))
    } else if rustix::process::geteuid().as_raw() == account.uid {
        Ok(None)
    } else {
        Err(Refusal::CannotChangeAccount { name })
    }
}

/// Who the server runs as; `None` is the agent's own account, which is never root's.
fn account(settings: &Settings, kept: &Kept) -> Result<Option<Account>, Refusal> {
    allows_accounts(settings)?;
    if let Some(name) = &kept.spec.run_as {
        return named(settings, name);
    }
    match kept.account {
        None if account::are_we_root() => Err(Refusal::NoAccountOfItsOwn),
        Some(account) => match Claims::of(&settings.state).take(account.uid) {
            Claim::Theirs(state) => Err(Refusal::AccountOfAnother {
                uid: account.uid,
                state,
            }),
            Claim::Ours | Claim::Unknown => Ok(Some(account)),
        },
        None => Ok(None),
    }
}

/// Whom the processes of one of its runs are known by. Looks at the machine's claims.
pub(crate) fn kin(settings: &Settings, kept: &Kept, run: Uuid) -> Kin {
    let own = kept.account.filter(|account| {
        kept.spec.run_as.is_none() && account::is_reserved(account.uid) && account::are_we_root()
    });
    // Where two agents gave out the same, ending all of its processes would end the other agent's servers.
    let is_ours =
        |account: &Account| !matches!(Claims::of(&settings.state).take(account.uid), Claim::Theirs(_));
    let uid = own.filter(is_ours).map(|account| account.uid);
    Kin { run, uid }
}

/// Checks at creation all that can be known then, so that a slip is told while somebody is looking: the rules,
/// the account it names, a folder that no other server has, and that the program is there.
pub(crate) fn foresee(settings: &Settings, spec: &ServerSpec, others: &[ServerSpec]) -> Result<(), Refusal> {
    allows_accounts(settings)?;
    let account = match &spec.run_as {
        Some(name) => named(settings, name)?,
        // Its own account is made later and will be a stranger to all files that are there now.
        None => account::are_we_root().then_some(account::STRANGER),
    };
    let place = Place::of(settings, spec)?;
    place.apart_from(settings, others)?;
    let home = place.absolute();
    let name = spec.command.first().map_or("", String::as_str);
    // One below the server's own folder may come later: that folder is filled after it is made.
    let may_come = name.contains('/') && home.join(name).starts_with(&home);
    if may_come {
        return Ok(());
    }
    let search = spec.env.get("PATH").map_or(PATH, String::as_str);
    program::find(name, search, &home, account).map(drop)
}

/// Checks everything that a start needs and prepares the folder.
pub(crate) fn launch(settings: &Settings, kept: &Kept, run: Uuid) -> Result<Launch, Refusal> {
    let spec = &kept.spec;
    let place = Place::of(settings, spec)?;
    let account = account(settings, kept)?;
    place.prepare(account)?;
    let home = place.absolute();
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), PATH.to_owned()),
        ("HOME".to_owned(), home.display().to_string()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("WATCHROOM_SERVER".to_owned(), spec.name.to_string()),
    ]);
    env.extend(spec.env.clone());
    env.insert(RUN_MARK.to_owned(), run.to_string());
    let search = env.get("PATH").map_or(PATH, String::as_str);
    let name = spec.command.first().map_or("", String::as_str);
    let program = program::find(name, search, &home, account)?;
    Ok(Launch {
        run,
        program,
        command: spec.command.clone(),
        env,
        root: place.root,
        folder: place.folder,
        account,
        is_account_its_own: kin(settings, kept, run).uid.is_some(),
        limits: spec.limits.clone(),
        socket: settings.runtime.join(format!("{}.sock", spec.id)),
        console: settings.state.join("console").join(spec.id.to_string()),
        bounds: Bounds::default(),
    })
}

/// How limits are held here, as reports say it.
pub(crate) fn limited_by(limits: &Limits) -> String {
    let by_rlimit = [
        limits.memory_bytes.is_some(),
        limits.processes.is_some(),
        limits.open_files.is_some(),
    ];
    let held = if by_rlimit.contains(&true) {
        "rlimit"
    } else {
        "none"
    };
    if limits.cpu_percent.is_some() {
        format!("{held} (processor time is not limited here)")
    } else {
        held.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_held_is_said() {
        assert_eq!(limited_by(&Limits::default()), "none");
        let limits = Limits {
            memory_bytes: Some(1),
            cpu_percent: Some(50),
            ..Limits::default()
        };
        assert!(limited_by(&limits).starts_with("rlimit ("));
    }
}
