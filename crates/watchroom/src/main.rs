//! Starts the program: installs the TLS provider, turns into a shim if asked to, otherwise runs a command.

use std::process::ExitCode;

use watchroom::environment::Environment;

fn main() -> ExitCode {
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        // Nothing ran before this line, so nothing else can have installed one; the first stays.
        return ExitCode::FAILURE;
    }
    #[cfg(feature = "node")]
    if let Some(code) = shim() {
        return code;
    }
    watchroom::main(Environment::capture())
}

/// `watchroom shim <folder>` holds one server: dispatched before any async runtime exists, so that it stays small.
#[cfg(feature = "node")]
fn shim() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != "shim" {
        return None;
    }
    let folder = std::path::PathBuf::from(arguments.next()?);
    watchroom::descriptors::lower();
    Some(watchroom_node::shim_main(&folder))
}
