//! `watchroom cluster replica`: what another Host on the same database needs, carried there once.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use watchroom_kit::ExposeSecret;

use crate::cli::context::Context;
use crate::cli::secret;
use crate::failure::Failure;
use crate::output::Form;
use crate::replica::Replica as Secrets;
use crate::state::State;

/// Prepare another Host for the same database
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Replica {
    /// Print the secrets that Hosts on one database share; whoever has them and the database is the cluster
    #[command(after_help = "Example:\n  (umask 077; watchroom cluster replica secret > replica.secret)")]
    Secret,
    /// Keep those secrets on this machine, before its Host starts for the first time
    #[command(
        after_help = "Example:\n  watchroom cluster replica prepare replica.secret\n  ssh first watchroom cluster replica secret | watchroom cluster replica prepare -"
    )]
    Prepare {
        /// The file with them; - is standard input or a prompt
        file: PathBuf,
        /// Replace the cluster's secret of a replica, after it was changed by `watchroom cluster replica reseal`
        #[arg(long)]
        replace: bool,
    },
    /// Change the secret that opens the cluster CA in the database; run it where the Host is stopped
    #[command(
        after_help = "Example:\n  watchroom cluster replica reseal\n\nStop every Host on the database first. Then carry the new secret to each of the others:\n  watchroom cluster replica secret | ssh second watchroom cluster replica prepare --replace -"
    )]
    Reseal,
}

impl Replica {
    pub(in crate::cli) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let folder = context.state()?;
        match self {
            Self::Secret => {
                let text = Secrets::of(&folder)?.text()?;
                context.output.done(&text, &json!({ "secret": text }))
            }
            Self::Reseal => {
                let state = State::open(&folder, "host")?;
                context.confirm(
                    "No other Host on this database starts again until it has been given the new secret.",
                    "reseal",
                )?;
                let config = context.sources(Vec::new()).load()?.config;
                let store = crate::host::open_store(&state, &config, &context.ambient).await?;
                let resealed = crate::host::cluster::reseal(state.folder(), &store, &context.ambient).await;
                store.close().await;
                resealed?;
                let answer = json!({ "state": state.folder().display().to_string() });
                let sentence = "The cluster CA is sealed under a new secret, which this machine has. Give it to each other \
                                Host: watchroom cluster replica secret, there watchroom cluster replica prepare --replace.";
                context.output.done(sentence, &answer)
            }
            Self::Prepare { file, replace } => {
                let secrets = Secrets::read(secret::read(&file, "secret of the Host")?.expose_secret())?;
                // A Host that runs has read its own.
                let state = State::open(&folder, "host")?;
                if replace {
                    secrets.replace(state.folder())?;
                } else {
                    secrets.keep(state.folder())?;
                }
                let answer = json!({ "state": state.folder().display().to_string() });
                if context.output.form() != Form::Table {
                    return context.output.whole(&answer);
                }
                let sentence = "This machine has the cluster's secrets. Name the database (store.url) and start its Host; \
                                then remove the file.";
                context.output.done(sentence, &answer)
            }
        }
    }
}
