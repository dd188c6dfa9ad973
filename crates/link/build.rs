//! Compiles the link's protocol; the generated code stays in the build folder.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/link.proto");
    let descriptors = protox::compile(["proto/link.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::codec::LinkCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
