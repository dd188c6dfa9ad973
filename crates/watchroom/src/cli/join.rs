//! `watchroom join`: ask a Host to let this machine in.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use watchroom_kit::{ExposeSecret, FaultKind};
use watchroom_model::NodeName;
use watchroom_model::join::{JoinUrl, host_and_port};
use watchroom_trust::Fingerprint;

use super::context::Context;
use super::secret;
use crate::failure::Failure;
use crate::joining::{self, Invitation, Progress};
use crate::node_identity::NodeIdentity;
use crate::output::Form;
use crate::state::State;

/// The variable that names a node's Host.
const HOST_URL: &str = "CLUSTER_HOST_URL";

/// Ask a Host to let this machine in
#[derive(Debug, Args)]
#[command(
    after_help = "The join URL holds a secret, so it is read from standard input, a prompt or a file.\n\
                  With the address of a Host alone, its fingerprint is shown and must be confirmed.\n\n\
                  Example:\n  watchroom join -\n  watchroom join join-url.txt\n  watchroom join host.example:7443"
)]
pub(super) struct Join {
    /// `-`, a file that holds the join URL, or the address of a Host [default: $CLUSTER_HOST_URL, else -]
    from: Option<String>,
    /// What this node is to be called [default: the machine's name]
    #[arg(long)]
    name: Option<NodeName>,
    /// The address under which this machine is known, if the Host sees another
    #[arg(long)]
    address: Option<String>,
    /// The fingerprint of the Host's CA, instead of confirming it at a prompt
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<Fingerprint>,
}

/// Where the Host is, and by what it is known.
enum Source {
    Url(JoinUrl),
    Address(String),
}

impl Join {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let folder = context.state()?;
        // A running agent holds the folder: what it has read must not change under it.
        let state = State::open(&folder, "node")?;
        self.may_replace(&context, NodeIdentity::read(state.folder())?)?;
        let source = self.source(&context)?;
        let invitation = self.invitation(&context, source).await?;
        let ambient = context.ambient.clone();
        let mut shown = None;
        let mut tell = |progress| match progress {
            Progress::Asked {
                words,
                expires_at,
                is_resumed,
            } => {
                shown = Some(words);
                let again = if is_resumed {
                    "The request of before waits still"
                } else {
                    "Asked to join"
                };
                context.remark(&format!("{again}. Compare these words with those on the Host:"));
                context.remark(&format!("    {words}"));
                let until = expires_at.format(&Rfc3339).unwrap_or_default();
                context.remark(&format!(
                    "Waiting to be approved, until {until}. Ctrl-C is safe: the same command goes on."
                ));
            }
            Progress::Trouble(why) => context.remark(&format!("{why}. Trying again.")),
        };
        let identity = joining::join(state.folder(), invitation, &ambient, &mut tell).await?;
        let answer = json!({
            "node_id": identity.node,
            "name": identity.name,
            "cluster_id": identity.cluster,
            "addresses": identity.addresses,
            "words": shown.map(|words| *words.words()),
            "certificate_expires_at": identity.not_after.format(&Rfc3339).unwrap_or_default(),
        });
        if context.output.form() != Form::Table {
            return context.output.whole(&answer);
        }
        let sentence = format!(
            "This machine is node {} now. Start its agent: watchroom node",
            identity.name
        );
        context.output.done(&sentence, &answer)
    }

    /// A machine that is a node already is asked about that first.
    fn may_replace(&self, context: &Context, before: Option<NodeIdentity>) -> Result<(), Failure> {
        match before {
            None => Ok(()),
            Some(own) if own.is_local => {
                let cause = "the node on this state folder belongs to the Host that runs on it";
                Err(Failure::new(FaultKind::Conflict, cause).next_step("give another --state DIR"))
            }
            Some(node) => {
                let what = format!(
                    "This machine is node {} of cluster {} already. Joining again replaces that.",
                    node.name, node.cluster
                );
                context.confirm(&what, node.name.as_str())
            }
        }
    }

    fn source(&self, context: &Context) -> Result<Source, Failure> {
        let named = self
            .from
            .clone()
            .or_else(|| context.environment.get(HOST_URL).map(str::to_owned));
        let from = named.unwrap_or_else(|| "-".to_owned());
        if from.contains('#') {
            let cause = "a join URL is a secret, which every process would see in an argument";
            return Err(Failure::new(FaultKind::Invalid, cause)
                .next_step("write `watchroom join -` and give it at the prompt or on standard input"));
        }
        let is_file = from == "-" || Path::new(&from).is_file();
        if is_file {
            let text = secret::read(&PathBuf::from(from), "join URL")?;
            let url: Result<JoinUrl, _> = text.expose_secret().parse();
            return url
                .map(Source::Url)
                .map_err(|error| Failure::new(FaultKind::Invalid, error.to_string()));
        }
        let bare = from
            .strip_prefix("https://")
            .unwrap_or(&from)
            .trim_end_matches('/');
        host_and_port(bare).map(Source::Address).ok_or_else(|| {
            let cause = format!("{from} is neither a file nor the address of a Host");
            Failure::new(FaultKind::Invalid, cause).next_step("write such as host.example:7443, or -")
        })
    }

    async fn invitation(&self, context: &Context, source: Source) -> Result<Invitation, Failure> {
        let (address, pin, token) = match source {
            Source::Url(url) => {
                let pin = Fingerprint::from(url.token.pin());
                (url.address, pin, Some(url.token.secret().clone()))
            }
            Source::Address(address) => {
                let pin = match self.fingerprint {
                    Some(pin) => pin,
                    None => confirmed(context, &address).await?,
                };
                (address, pin, None)
            }
        };
        let machine = || gethostname::gethostname().to_string_lossy().parse().ok();
        let name = self
            .name
            .clone()
            .or_else(machine)
            .unwrap_or_else(NodeName::fallback);
        Ok(Invitation {
            address,
            pin,
            token,
            name,
            own_address: self.address.clone(),
        })
    }
}

/// The fingerprint that the Host shows, once a person has compared it. `-y` does not answer for them.
async fn confirmed(context: &Context, address: &str) -> Result<Fingerprint, Failure> {
    let shown = joining::meet(address, &context.ambient).await?;
    if context.globals.yes {
        let cause = format!("the Host at {address} shows the CA {shown}, which nobody has compared");
        return Err(Failure::new(FaultKind::Invalid, cause).next_step(
            "compare it with `watchroom cluster status` on the Host and give it by --fingerprint",
        ));
    }
    let what = format!(
        "The Host at {address} shows a cluster CA with the fingerprint\n\n    {shown}\n\n\
         Compare it with the one that `watchroom cluster status` shows on the Host."
    );
    context.confirm(&what, "yes")?;
    Ok(shown)
}
