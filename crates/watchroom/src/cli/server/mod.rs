//! `watchroom server`: the servers of all nodes.

mod console;
mod control;
mod create;
mod find;
mod list;

use clap::{Args, Subcommand};

use super::context::Context;
use crate::failure::Failure;

/// See, create and run servers
#[derive(Debug, Subcommand)]
pub(super) enum Server {
    /// List servers
    #[command(after_help = "Example:\n  watchroom server list --node attic --status running")]
    List(list::List),
    /// Show one server
    #[command(after_help = "Example:\n  watchroom server show minecraft")]
    Show(Which),
    /// Create a server; it stays stopped until it is started
    #[command(after_help = "Example:\n  watchroom server create echo -- /bin/cat\n  \
                            watchroom server create mc --node attic --stop-line stop --memory 4G -- java -jar server.jar nogui")]
    Create(Box<create::Create>),
    /// Start a server
    #[command(after_help = "Example:\n  watchroom server start minecraft")]
    Start(Which),
    /// Stop a server; it stays stopped over every restart
    #[command(after_help = "Example:\n  watchroom server stop minecraft")]
    Stop(Which),
    /// Restart a server
    #[command(after_help = "Example:\n  watchroom server restart minecraft --node attic")]
    Restart(Which),
    /// Stop a server and forget it; its folder stays
    #[command(after_help = "Example:\n  watchroom server remove minecraft")]
    Remove(Which),
    /// Print a server's console
    #[command(after_help = "Example:\n  watchroom server logs minecraft --since 10m -f")]
    Logs(console::Logs),
    /// Follow a server's console and send it the lines you type; Ctrl-D leaves
    #[command(after_help = "Example:\n  watchroom server attach minecraft")]
    Attach(console::Attach),
    /// Send one line to a server
    #[command(after_help = "Example:\n  watchroom server send minecraft 'say hello'")]
    Send(console::Send),
}

/// One server.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Its name or id
    server: String,
    /// On which node, if several have one of that name
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

impl Server {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(which) => list::show(context, &which).await,
            Self::Create(create) => create.run(context).await,
            Self::Start(which) => control::act(context, &which, "start").await,
            Self::Stop(which) => control::act(context, &which, "stop").await,
            Self::Restart(which) => control::act(context, &which, "restart").await,
            Self::Remove(which) => control::remove(context, &which).await,
            Self::Logs(logs) => logs.run(context).await,
            Self::Attach(attach) => attach.run(context).await,
            Self::Send(send) => send.run(context).await,
        }
    }
}
