//! The anchor: a bare hyper server over the same TLS with the same body, in a process of its own.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::process::Pinned;
use crate::room::Room;

/// The argument by which this program becomes the server.
pub const COMMAND: &str = "bare-server";

/// A running bare server.
pub struct Bare {
    child: Child,
    pub authority: String,
    pub client: Arc<ClientConfig>,
}

impl Bare {
    /// Starts it with the certificate of the room's panel.
    pub fn start(room: &Room, body: &[u8]) -> Self {
        let file = room.state().join("bare-body");
        fs::write(&file, body).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(COMMAND).arg(room.state().join("ssl")).arg(&file);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut authority = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut authority)
            .unwrap();
        Self {
            child,
            authority: authority.trim().to_owned(),
            client: room.client(),
        }
    }

    pub fn process(&self) -> Pinned {
        Pinned::of(&self.child)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Is the server, until killed: `<folder of the certificate> <file of the body>`.
pub fn serve(arguments: &[String]) {
    let [ssl, body] = arguments else {
        panic!("a folder and a file")
    };
    let config = server_config(Path::new(ssl));
    let body = Bytes::from(fs::read(body).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(accept(TlsAcceptor::from(Arc::new(config)), body));
}

async fn accept(acceptor: TlsAcceptor, body: Bytes) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, body) = (acceptor.clone(), body.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |_| {
                let body = body.clone();
                async move {
                    let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                    Ok::<_, Infallible>(response.body(Full::new(body)).unwrap())
                }
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Whoever asks hangs up when a round is over.
            let _over = connection.await;
        });
    }
}

fn server_config(ssl: &Path) -> ServerConfig {
    let chain = CertificateDer::pem_reader_iter(File::open(ssl.join("server.crt")).unwrap());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(ssl.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]);
    config.with_no_client_auth().with_single_cert(chain, key).unwrap()
}
