//! Has the linker put the functions of a request side by side. Scattered over the program, they are what a request
//! waits for on a machine that did other things in between (decision 0026).
#![expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts by the environment"
)]

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

/// The functions, in the order in which they are met; made by `make link-order`.
const ORDER: &str = "link-order.txt";
/// Whose names they are: those of other targets and profiles differ.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ORDER}");
    if env::var("TARGET")? != TARGET || env::var("PROFILE")? != "release" {
        return Ok(());
    }
    if let Some(linker) = own_linker()? {
        let order = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(ORDER);
        for word in [
            format!("-B{}", linker.display()),
            "-fuse-ld=lld".to_owned(),
            format!("-Wl,--symbol-ordering-file={}", order.display()),
            "-Wl,--no-warn-symbol-ordering".to_owned(),
        ] {
            println!("cargo::rustc-link-arg-bin=watchroom={word}");
        }
    }
    Ok(())
}

/// The folder of the linker that came with the compiler, if one did and nobody asks for another.
fn own_linker() -> Result<Option<PathBuf>, Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if env::var_os("RUSTC_LINKER").is_some() || flags.contains("link") {
        return Ok(None);
    }
    let said = Command::new(env::var("RUSTC")?)
        .args(["--print", "sysroot"])
        .output()?;
    let sysroot = PathBuf::from(String::from_utf8(said.stdout)?.trim());
    let folder = sysroot
        .join("lib/rustlib")
        .join(env::var("HOST")?)
        .join("bin/gcc-ld");
    Ok(folder.join("ld.lld").exists().then_some(folder))
}
