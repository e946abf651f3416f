//! Makes the stubs from the contract; needs `protoc` and the protos that come with it.

use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bundle = env::var("LOOP_BUNDLE").unwrap_or_else(|_| "../../gen/bundle".into());
    let mut protos: Vec<PathBuf> = fs::read_dir(format!("{bundle}/cegid/loop/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    protos.extend(["status", "error_details"].map(|name| format!("{bundle}/google/rpc/{name}.proto").into()));
    println!("cargo::rerun-if-env-changed=LOOP_BUNDLE");
    tonic_prost_build::configure()
        .build_server(false)
        .compile_protos(&protos, &[PathBuf::from(bundle)])?;
    Ok(())
}
