//! The anchors, each a bare hyper server over the same TLS, or plain, in a process of its own: one that answers the
//! same body to whoever asks, and one that keeps the last heartbeat of each who posts one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::{Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
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
/// Stands for the file of the body where heartbeats are kept.
const KEEP: &str = "-";
/// The parts of the map in which they are.
const SHARDS: usize = 64;

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
        Self::run(room, way, &file)
    }

    /// Starts the one that keeps heartbeats.
    pub fn keeping(room: &Room, way: &Way) -> Self {
        Self::run(room, way, Path::new(KEEP))
    }

    fn run(room: &Room, way: &Way, body: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(COMMAND).arg(body);
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
    let answer = if body == KEEP {
        Answer::Kept(Arc::new(std::array::from_fn(|_| Mutex::default())))
    } else {
        Answer::Same(Bytes::from(fs::read(body).unwrap()))
    };
    watchroom::descriptors::raise();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(accept(acceptor, answer));
}

/// The last body of each path, and when it came.
type Shard = Mutex<HashMap<String, (Bytes, Instant)>>;

/// How a request is answered.
#[derive(Clone)]
enum Answer {
    /// By these bytes.
    Same(Bytes),
    /// By nothing, once its body is in the map.
    Kept(Arc<[Shard; SHARDS]>),
}

impl Answer {
    async fn to(&self, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        match self {
            Self::Same(body) => {
                let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                response.body(Full::new(body.clone())).unwrap()
            }
            Self::Kept(shards) => {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let shard = path.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % SHARDS;
                shards[shard].lock().unwrap().insert(path, (body, Instant::now()));
                Response::new(Full::default())
            }
        }
    }
}

async fn accept(acceptor: Option<TlsAcceptor>, answer: Answer) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        tokio::spawn(async move {
            match acceptor {
                None => converse(stream, answer).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream, answer).await;
                    }
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer) {
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer.to(request).await) }
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
