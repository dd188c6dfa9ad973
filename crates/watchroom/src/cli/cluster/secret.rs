//! `watchroom cluster secret rotate`: another secret for the cluster. Works on the state folder and the database themselves,
//! while no Host runs.

use clap::Subcommand;
use serde_json::json;
use watchroom_kit::FaultKind;
use watchroom_policy::act;

use crate::cli::context::Context;
use crate::cli::own;
use crate::failure::Failure;
use crate::host;
use crate::state::State;

/// What seals the cluster's keys, and what replicas share
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Secret {
    /// Make another one and seal everything anew under it; every Host of the cluster must be stopped
    #[command(
        after_help = "Run it as the Host's own account.\n\nExample:\n  systemctl stop watchroom-host\n  runuser -u watchroom -- watchroom --state /var/lib/watchroom cluster secret rotate"
    )]
    Rotate,
}

/// What it comes to, said before it is done.
const WHAT: &str = "Every Host on this database must be stopped, and each of the others needs the new secret before it starts. \
                    Programs refresh their access tokens, browsers are not known any more (people are told of a new one), and \
                    lockouts and counted guesses end.";

impl Secret {
    pub(in crate::cli) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let Self::Rotate = self;
        let folder = context.state()?;
        if !folder.join("keys").is_dir() {
            let cause = format!("{} is no state folder: it holds no keys", folder.display());
            return Err(Failure::new(FaultKind::NotFound, cause).next_step("give the right --state DIR"));
        }
        // A Host that runs has read its own.
        let state = State::open(&folder, "host")?;
        context.confirm(WHAT, "yes")?;
        let config = context.sources(Vec::new()).load()?.config;
        if config.store.url.is_none() && !state.folder().join("db/watchroom.db").exists() {
            let cause = format!("{} has no database", state.folder().display());
            let next_step = "give the --config of the Host, or the environment that its unit has, if its database is on a server";
            return Err(Failure::new(FaultKind::NotFound, cause).next_step(next_step));
        }
        let module = config.keys.module(state.folder())?;
        let store = host::open_store(&state, &config, &context.ambient).await?;
        let permit = own::permit(&context.ambient, act::RotateSecret)?;
        let rotated =
            host::secret::rotate(state.folder(), &store, &permit, module.as_ref(), &context.ambient).await;
        store.close().await;
        let rotated = rotated?;
        let answer = json!({
            "authorities": rotated.authorities,
            "seeds": rotated.people.seeds,
            "passkeys": rotated.people.passkeys,
            "letters": rotated.letters,
            "foreign": rotated.people.foreign,
        });
        let mut sentence =
            "The cluster has another secret, and everything is sealed under it. Carry it to the other Hosts \
                            (`watchroom cluster replica secret`), back up keys/ again, and start."
                .to_owned();
        if rotated.people.foreign > 0 {
            let more = format!(
                " {} second factors did not open before either, and were left: reset them for their people.",
                rotated.people.foreign
            );
            sentence.push_str(&more);
        }
        context.output.done(&sentence, &answer)
    }
}
