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
        /// Let the cluster's secret take the place of the one that is there, after a rotation of it
        #[arg(long)]
        replace: bool,
    },
}

impl Replica {
    pub(in crate::cli) fn run(self, mut context: Context) -> Result<(), Failure> {
        let folder = context.state()?;
        match self {
            Self::Secret => {
                let text = Secrets::of(&folder)?.text()?;
                context.output.done(&text, &json!({ "secret": text }))
            }
            Self::Prepare { file, replace } => {
                let secrets = Secrets::read(secret::read(&file, "secret of the Host")?.expose_secret())?;
                // A Host that runs has read its own.
                let state = State::open(&folder, "host")?;
                secrets.keep(state.folder(), replace, context.ambient.now())?;
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
