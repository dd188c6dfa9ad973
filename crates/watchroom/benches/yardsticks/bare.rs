//! The anchor: a bare hyper server over the same TLS, or plain, with the same body, in a process of its own.

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
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::load::Way;
use crate::process::Pinned;
use crate::room::Room;

/// The argument by which this program becomes the server.
pub const COMMAND: &str = "bare-server";

/// A running bare server.
pub struct Bare {
    child: Child,
    pub authority: String,
}

impl Bare {
    /// Starts it with the certificate of the room's panel, if it is reached over TLS.
    pub fn start(room: &Room, way: &Way, body: &[u8]) -> Self {
        let file = room.state().join("bare-body");
        fs::write(&file, body).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(COMMAND).arg(&file);
        if let Way::Tls(_) = way {
            command.arg(room.state().join("ssl"));
        }
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

/// Is the server, until killed: `<file of the body> [<folder of the certificate>]`.
pub fn serve(arguments: &[String]) {
    let (body, ssl) = match arguments {
        [body] => (body, None),
        [body, ssl] => (body, Some(Path::new(ssl))),
        _ => panic!("a file, and a folder for TLS"),
    };
    let acceptor = ssl.map(|ssl| TlsAcceptor::from(Arc::new(server_config(ssl))));
    let body = Bytes::from(fs::read(body).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(accept(acceptor, body));
}

async fn accept(acceptor: Option<TlsAcceptor>, body: Bytes) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, body) = (acceptor.clone(), body.clone());
        tokio::spawn(async move {
            match acceptor {
                None => converse(stream, body).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, body).await;
                    }
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, body: Bytes) {
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
}

fn server_config(ssl: &Path) -> ServerConfig {
    let chain = CertificateDer::pem_reader_iter(File::open(ssl.join("server.crt")).unwrap());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(ssl.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]);
    config.with_no_client_auth().with_single_cert(chain, key).unwrap()
}
