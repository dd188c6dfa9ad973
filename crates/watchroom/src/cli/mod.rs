//! The command line: nouns, then verbs. One module per noun; this one holds the tree and its start.
//!
//! Exit codes: 0 done, 1 failed, 2 bad usage, 3 refused by policy, 4 not reachable.

mod audit;
mod ban;
mod bytes;
mod cluster;
mod completions;
mod config;
mod context;
#[cfg(feature = "host")]
mod doctor;
mod duration;
mod explain;
mod globals;
mod grant;
mod group;
mod inspect;
#[cfg(feature = "node")]
mod join;
mod key;
mod lock;
mod lockout;
mod mail;
mod node;
#[cfg(feature = "host")]
mod openapi;
mod operation;
mod own;
mod pairs;
mod role;
mod role_file;
mod secret;
#[cfg(any(feature = "host", feature = "node"))]
mod serve;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod user;
mod version;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use watchroom_kit::{Ambient, FaultKind};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::logging::{self, Usual};
use context::Context;
use globals::Globals;

/// The watch room for the machines you run and the crew that runs them.
#[derive(Debug, Parser)]
#[command(
    name = "watchroom",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 bad usage, 3 refused by policy, 4 not reachable.\n\n\
                  Example:\n  watchroom up\n  watchroom server list -o json"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(all(feature = "host", feature = "node"))]
    Up(serve::Up),
    #[cfg(all(feature = "host", feature = "node"))]
    Demo(serve::Demo),
    #[cfg(feature = "host")]
    Host(serve::Host),
    Node(node::Node),
    #[cfg(feature = "node")]
    Join(join::Join),
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    #[command(subcommand)]
    Operation(operation::Operation),
    #[command(subcommand)]
    Server(server::Server),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Session(session::Session),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Ban(ban::Ban),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Role(role::Role),
    #[command(subcommand)]
    Grant(grant::Grant),
    #[command(subcommand)]
    Group(group::Group),
    WhoCan(grant::WhoCan),
    Explain(explain::Explain),
    #[command(subcommand)]
    Lock(lock::Lock),
    #[command(subcommand)]
    Lockout(lockout::Lockout),
    #[command(subcommand)]
    Mail(mail::Mail),
    #[cfg(feature = "host")]
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Tls(tls::Tls),
    Inspect(inspect::Inspect),
    #[command(subcommand)]
    RoleFile(role_file::RoleFile),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Completions(completions::Completions),
    #[cfg(feature = "host")]
    Openapi(openapi::Openapi),
    Version(version::Version),
}

impl Command {
    /// Whether it runs until told to stop, with a log and all cores.
    fn is_service(&self) -> bool {
        match self {
            #[cfg(all(feature = "host", feature = "node"))]
            Self::Up(_) | Self::Demo(_) => true,
            #[cfg(feature = "host")]
            Self::Host(_) => true,
            Self::Node(node) => node.is_service(),
            _ => false,
        }
    }
}

/// Reads the arguments, runs the command, tells how it ended.
#[must_use]
pub fn main(environment: Environment) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Nothing is left to tell it to if neither standard output nor error takes it.
            drop(usage.print());
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    let is_colored = io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    match run(cli, environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            drop(io::stderr().write_all(failure.render(is_colored).as_bytes()));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: Cli, environment: Environment) -> Result<(), Failure> {
    let is_service = cli.command.is_service();
    logging::start(
        if is_service { Usual::Service } else { Usual::Client },
        &environment,
    )?;
    let mut builder = match is_service {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::new(FaultKind::Internal, format!("cannot start the runtime: {error}")))?;
    let context = Context::new(cli.globals, environment, Ambient::system());
    let result = runtime.block_on(dispatch(cli.command, context));
    // A thread that waits for standard input would hold the end of the program until the next line.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command, context: Context) -> Result<(), Failure> {
    match command {
        #[cfg(all(feature = "host", feature = "node"))]
        Command::Up(up) => up.run(context).await,
        #[cfg(all(feature = "host", feature = "node"))]
        Command::Demo(demo) => demo.run(context).await,
        #[cfg(feature = "host")]
        Command::Host(host) => host.run(context).await,
        Command::Node(node) => node.run(context).await,
        #[cfg(feature = "node")]
        Command::Join(join) => join.run(context).await,
        Command::Cluster(cluster) => cluster.run(context).await,
        Command::Operation(operation) => operation.run(context).await,
        Command::Server(server) => server.run(context).await,
        Command::User(user) => user.run(context).await,
        Command::Session(session) => session.run(context).await,
        Command::Token(token) => token.run(context).await,
        Command::Ban(ban) => ban.run(context).await,
        Command::Key(key) => key.run(context).await,
        Command::Role(role) => role.run(context).await,
        Command::Grant(grant) => grant.run(context).await,
        Command::Group(group) => group.run(context).await,
        Command::Explain(explain) => explain.run(context).await,
        Command::WhoCan(question) => question.run(context).await,
        Command::Lock(lock) => lock.run(context).await,
        Command::Lockout(lockout) => lockout.run(context).await,
        Command::Mail(mail) => mail.run(context).await,
        #[cfg(feature = "host")]
        Command::Doctor(doctor) => doctor.run(context).await,
        Command::Audit(audit) => audit.run(context).await,
        Command::Tls(tls) => tls.run(context),
        Command::Inspect(inspect) => inspect.run(context),
        Command::RoleFile(role_file) => role_file.run(context).await,
        Command::Config(config) => config.run(context),
        Command::Completions(completions) => completions.run(context),
        #[cfg(feature = "host")]
        Command::Openapi(openapi) => openapi.run(context),
        Command::Version(version) => version.run(context),
    }
}
