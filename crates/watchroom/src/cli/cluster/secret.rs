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
    #[command(after_help = "Example:\n  systemctl stop watchroom-host\n  watchroom cluster secret rotate")]
    Rotate,
}

/// What it comes to, said before it is done.
const WHAT: &str = "All Hosts on this database must be stopped, and each of the others needs the new secret before it starts. \
                    Programs sign in again, browsers are new ones to lockouts, and wrong guesses of the last hour are forgotten.";

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
        let store = host::open_store(&state, &config, &context.ambient).await?;
        let permit = own::permit(&context.ambient, act::RotateSecret)?;
        let rotated = host::secret::rotate(state.folder(), &store, &permit, &context.ambient).await;
        store.close().await;
        let rotated = rotated?;
        let answer = json!({
            "authorities": rotated.authorities,
            "seeds": rotated.people.seeds,
            "passkeys": rotated.people.passkeys,
            "letters": rotated.letters,
            "foreign": rotated.people.foreign,
        });
        let sentence = "The cluster has another secret, and everything is sealed under it. Carry it to the other Hosts \
                        (`watchroom cluster replica secret`), back up keys/ again, and start.";
        context.output.done(sentence, &answer)
    }
}
