//! Whoever asks: connections over TLS 1.3 with HTTP/1.1 kept alive, one request after the other on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::room::REQUESTS_PER_TOKEN;

/// Connections over which the quiet load is spread.
const QUIET_CONNECTIONS: u32 = 10;

/// Requests to one server, taken in turn, so that no account asks more than it may.
#[derive(Clone)]
pub struct Requests {
    authority: String,
    texts: Arc<Vec<Vec<u8>>>,
    /// How often each text may be sent.
    each: usize,
    sent: Arc<AtomicUsize>,
}

impl Requests {
    pub fn with_tokens(authority: &str, path: &str, tokens: &[String]) -> Self {
        let text = |token: &String| format!("authorization: Bearer {token}\r\n");
        Self::of(authority, path, tokens.iter().map(text), REQUESTS_PER_TOKEN)
    }

    pub fn without_tokens(authority: &str, path: &str) -> Self {
        // As long as a token, so that both servers read as much.
        let padding = format!("authorization: Bearer {}\r\n", "x".repeat(49));
        Self::of(authority, path, std::iter::once(padding), usize::MAX)
    }

    fn of(authority: &str, path: &str, headers: impl Iterator<Item = String>, each: usize) -> Self {
        let text =
            |header: String| format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{header}\r\n").into_bytes();
        Self {
            authority: authority.to_owned(),
            texts: Arc::new(headers.map(text).collect()),
            each,
            sent: Arc::default(),
        }
    }

    /// The next request; `None` once every account has asked as much as it may.
    fn next(&self) -> Option<&[u8]> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        self.texts.get(number / self.each).map(Vec::as_slice)
    }
}

/// A server and what it is asked, over connections that stay open from round to round: shaking hands is not
/// what is measured.
pub struct Load {
    client: Arc<ClientConfig>,
    requests: Requests,
    runtime: Runtime,
    open: Vec<Wire>,
}

impl Load {
    pub fn new(client: Arc<ClientConfig>, requests: Requests) -> Self {
        Self {
            client,
            requests,
            runtime: runtime(),
            open: Vec::new(),
        }
    }

    /// Opens the connections of the full load, and asks once on each.
    pub fn connect_all(&mut self, connections: usize) {
        let open = self.runtime.block_on(async {
            let mut open = Vec::new();
            for _ in 0..connections {
                let mut wire = self.connect().await;
                wire.ask(self.requests.next().unwrap()).await;
                open.push(wire);
            }
            open
        });
        self.open = open;
    }

    /// Asks as fast as it is answered, and gives how many answers came.
    pub fn full(&mut self, time: Duration) -> usize {
        let wires = std::mem::take(&mut self.open);
        let done = self.runtime.block_on(async {
            let mut all = JoinSet::new();
            for mut wire in wires {
                let requests = self.requests.clone();
                all.spawn(async move {
                    let (end, mut answered) = (Instant::now() + time, 0);
                    while Instant::now() < end
                        && let Some(request) = requests.next()
                    {
                        wire.ask(request).await;
                        answered += 1;
                    }
                    (wire, answered)
                });
            }
            all.join_all().await
        });
        let (open, answered): (_, Vec<usize>) = done.into_iter().unzip();
        self.open = open;
        answered.iter().sum()
    }

    /// Asks so often per second whatever the answers do, and gives the time within which 99 of 100 came,
    /// counted from when each was due.
    pub fn quiet(&self, per_second: u32, time: Duration) -> Duration {
        self.runtime.block_on(async {
            let mut all = JoinSet::new();
            let (pause, start) = (
                Duration::from_secs(1) / per_second,
                Instant::now() + Duration::from_millis(200),
            );
            for number in 0..QUIET_CONNECTIONS {
                let (mut wire, requests) = (self.connect().await, self.requests.clone());
                all.spawn(async move {
                    let mut waits = Vec::new();
                    let mut due = start + pause * number;
                    while due < start + time
                        && let Some(request) = requests.next()
                    {
                        tokio::time::sleep_until(due.into()).await;
                        // The timer is coarse: what it oversleeps is nobody's wait.
                        let began = Instant::now();
                        wire.ask(request).await;
                        waits.push(began.elapsed());
                        due += pause * QUIET_CONNECTIONS;
                    }
                    waits
                });
            }
            let mut waits = all.join_all().await.concat();
            waits.sort();
            waits[waits.len() * 99 / 100]
        })
    }

    async fn connect(&self) -> Wire {
        Wire::open(&self.client, &self.requests.authority).await.unwrap()
    }
}

/// The body of the first answer.
pub fn body_of(client: &Arc<ClientConfig>, requests: &Requests) -> Vec<u8> {
    runtime().block_on(async {
        let mut wire = Wire::open(client, &requests.authority).await.unwrap();
        let (head, length) = wire.ask(requests.next().unwrap()).await;
        wire.buffer[head..head + length].to_vec()
    })
}

/// Asks for `/health` until it is well.
pub fn until_healthy(client: &Arc<ClientConfig>, authority: &str) {
    let request = format!("GET /health HTTP/1.1\r\nhost: {authority}\r\n\r\n");
    runtime().block_on(async {
        let began = Instant::now();
        loop {
            match Wire::open(client, authority).await {
                Ok(mut wire) => {
                    if wire.try_ask(request.as_bytes()).await.0 == 200 {
                        return;
                    }
                }
                Err(_) => assert!(
                    began.elapsed() < Duration::from_secs(30),
                    "it never became healthy"
                ),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// One connection.
struct Wire {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Wire {
    async fn open(client: &Arc<ClientConfig>, authority: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(client))
            .connect(name, stream)
            .await?;
        let buffer = vec![0; 32 * 1024];
        Ok(Self { stream, buffer })
    }

    /// Sends a request that must be answered with 200; gives the lengths of head and body.
    async fn ask(&mut self, request: &[u8]) -> (usize, usize) {
        let (status, head, length) = self.try_ask(request).await;
        assert_eq!(
            status,
            200,
            "{}",
            String::from_utf8_lossy(&self.buffer[..head + length])
        );
        (head, length)
    }

    /// Sends a request; gives status and the lengths of head and body.
    async fn try_ask(&mut self, request: &[u8]) -> (u16, usize, usize) {
        self.stream.write_all(request).await.unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.unwrap();
            assert!(read > 0, "the server hung up");
            filled += read;
            let text = &self.buffer[..filled];
            let Some(head) = text
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .map(|at| at + 4)
            else {
                continue;
            };
            let length = content_length(&text[..head]);
            if filled >= head + length {
                let status = std::str::from_utf8(&text[9..12]).unwrap().parse().unwrap();
                return (status, head, length);
            }
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let name = b"content-length: ";
    let at = head
        .windows(name.len())
        .position(|part| part.eq_ignore_ascii_case(name))
        .unwrap()
        + name.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
}
