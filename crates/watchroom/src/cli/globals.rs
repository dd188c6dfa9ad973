//! Flags that every command takes.

use std::path::PathBuf;

use clap::Args;

use crate::output::Form;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Read this configuration file (and FILE.d/*.toml) instead of /etc/watchroom/watchroom.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// The state folder [default: /var/lib/watchroom, or without root $XDG_STATE_HOME/watchroom]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state: Option<PathBuf>,

    /// The form of what is printed
    #[arg(short, long, value_name = "FORM", global = true)]
    pub(crate) output: Option<Form>,

    /// Print no remarks; lists print names or ids alone
    #[arg(long, global = true)]
    pub(crate) quiet: bool,

    /// Answer yes to every question
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,

    /// Talk to the Host at this address instead of the one on this machine
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) host: Option<String>,

    /// Read the API token for --host from this file (`-`: standard input)
    #[arg(long, value_name = "FILE", global = true, requires = "host")]
    pub(crate) token_file: Option<PathBuf>,

    /// Trust the CA certificates in this PEM file for --host instead of the system's
    #[arg(long, value_name = "FILE", global = true, requires = "host")]
    pub(crate) ca_file: Option<PathBuf>,
}
