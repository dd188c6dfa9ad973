//! Gathers the panel's assets (hashed, compressed) and turns its text files into a typed catalogue.
//!
//! Nothing is fetched here: other people's scripts are embedded if `npm run vendor` has put them in
//! `assets/vendor`, and the pages work without them.

mod assets;
mod text;

use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its folder through the environment"
)]
fn out_folder() -> Result<PathBuf, Box<dyn std::error::Error>> {
    Ok(PathBuf::from(std::env::var("OUT_DIR")?))
}

#[expect(
    clippy::print_stdout,
    reason = "a build script speaks to cargo on its standard output"
)]
fn tell_cargo(line: &str) {
    println!("cargo::{line}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = out_folder()?;
    for watched in ["build", "assets", "text"] {
        tell_cargo(&format!("rerun-if-changed={}", here.join(watched).display()));
    }
    let gathered = assets::gather(&here.join("assets"), &out.join("assets"))?;
    tell_cargo(&format!("rustc-env=WATCHROOM_ASSETS_HASH={}", gathered.hash));
    if !gathered.has_vendor {
        tell_cargo(
            "warning=assets/vendor is empty: run `npm run vendor` in crates/panel for gentle live updates",
        );
    }
    text::generate(&here.join("text"), &out.join("text.rs"))
}
