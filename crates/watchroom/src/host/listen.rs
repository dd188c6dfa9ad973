//! The Host's listeners: bound before anything is promised, so that a taken port stops the start.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};
use watchroom_kit::{FaultKind, files};

use crate::bind::bind;
use crate::config::Config;
use crate::failure::Failure;

/// Bound and ready to accept.
#[derive(Debug)]
pub struct Listeners {
    /// Panel, API and links.
    pub panel: TcpListener,
    /// Operations.
    pub ops: TcpListener,
    /// Plain HTTP that is sent to the panel, if it is wanted.
    pub http: Option<TcpListener>,
    /// The machine's owner.
    pub socket: UnixListener,
    /// Where that socket is.
    pub socket_path: PathBuf,
}

impl Listeners {
    /// Binds all of them.
    ///
    /// # Errors
    /// If an address is taken or not this machine's; the failure names the flag to change.
    pub async fn bind(config: &Config, socket_path: &Path) -> Result<Self, Failure> {
        let panel = bind(config.host.listen, "--listen").await?;
        let ops = bind(config.host.ops_listen, "--ops-listen").await?;
        let http = match config.host.http_listen {
            Some(address) => Some(bind(address, "host.http_listen").await?),
            None => None,
        };
        let socket = bind_socket(socket_path).map_err(|error| {
            let cause = format!("cannot listen on {}: {error}", socket_path.display());
            Failure::new(FaultKind::Internal, cause)
                .next_step("make sure that this user may write to that folder")
        })?;
        Ok(Self {
            panel,
            ops,
            http,
            socket,
            socket_path: socket_path.to_owned(),
        })
    }
}

/// The socket of an earlier run is replaced: the state folder's lock says that nobody uses it any more.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(files::PRIVATE_FILE))?;
    Ok(listener)
}
