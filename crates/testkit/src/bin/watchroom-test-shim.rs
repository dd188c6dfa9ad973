//! The shim for servers of test rooms: what the real program does for `shim <folder>`, and nothing else.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(word), Some(folder)) if word == "shim" => watchroom_node::shim_main(Path::new(&folder)),
        _ => ExitCode::FAILURE,
    }
}
