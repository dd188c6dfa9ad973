//! Whoever asks: connections with HTTP/1.1 kept alive, over TLS 1.3 or plain, one request after the other on each.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::room::REQUESTS_PER_TOKEN;

/// How a server is reached.
#[derive(Clone)]
pub enum Way {
    /// Over TLS 1.3, trusting what the configuration trusts.
    Tls(Arc<ClientConfig>),
    /// As a proxy on this machine that has taken the TLS off passes requests on.
    BehindProxy,
}

impl Way {
    /// What a proxy says of the request it passes on.
    fn headers(&self) -> &'static str {
        match self {
            Self::Tls(_) => "",
            Self::BehindProxy => "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: https\r\n",
        }
    }
}

/// Requests to one server, taken in turn, so that no account asks more than it may.
#[derive(Clone)]
pub struct Requests {
    way: Way,
    authority: String,
    texts: Arc<Vec<Vec<u8>>>,
    /// How often each text may be sent.
    each: usize,
    sent: Arc<AtomicUsize>,
}

impl Requests {
    pub fn with_tokens(way: &Way, authority: &str, path: &str, tokens: &[String]) -> Self {
        let text = |token: &String| format!("authorization: Bearer {token}\r\n");
        Self::of(way, authority, path, tokens.iter().map(text), REQUESTS_PER_TOKEN)
    }

    pub fn without_tokens(way: &Way, authority: &str, path: &str) -> Self {
        // As long as a token, so that both servers read as much.
        let padding = format!("authorization: Bearer {}\r\n", "x".repeat(49));
        Self::of(way, authority, path, std::iter::once(padding), usize::MAX)
    }

    /// Heartbeats, one of each node.
    pub fn heartbeats(way: &Way, authority: &str, nodes: usize, heartbeat: &str) -> Self {
        let length = heartbeat.len();
        let text = |node| {
            format!(
                "POST /heartbeat/{node} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{heartbeat}"
            )
        };
        Self {
            way: way.clone(),
            authority: authority.to_owned(),
            texts: Arc::new((0..nodes).map(|node| text(node).into_bytes()).collect()),
            each: 1,
            sent: Arc::default(),
        }
    }

    fn of(
        way: &Way,
        authority: &str,
        path: &str,
        headers: impl Iterator<Item = String>,
        each: usize,
    ) -> Self {
        let passed_on = way.headers();
        let text = |header: String| {
            format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{passed_on}{header}\r\n").into_bytes()
        };
        Self {
            way: way.clone(),
            authority: authority.to_owned(),
            texts: Arc::new(headers.map(text).collect()),
            each,
            sent: Arc::default(),
        }
    }

    /// The next request; `None` once every account has asked as much as it may.
    pub fn next(&self) -> Option<&[u8]> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        self.texts.get(number / self.each).map(Vec::as_slice)
    }
}

/// A server and what it is asked, over connections that stay open from round to round: shaking hands is not
/// what is measured.
pub struct Load {
    requests: Requests,
    runtime: Runtime,
    open: Vec<Wire>,
}

impl Load {
    pub fn new(requests: Requests) -> Self {
        Self {
            requests,
            runtime: runtime(),
            open: Vec::new(),
        }
    }

    /// Opens connections in place of those there are, and asks once on each.
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

    /// Asks as fast as it is answered, and gives how many answers came. It never sleeps meanwhile: waking it would be
    /// charged to the server, and most to the one that leaves it the most time to fall asleep.
    pub fn full(&mut self, time: Duration) -> usize {
        let wires = std::mem::take(&mut self.open);
        let done = self.runtime.block_on(async {
            let awake = tokio::spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            });
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
            let done = all.join_all().await;
            awake.abort();
            done
        });
        let (open, answered): (_, Vec<usize>) = done.into_iter().unzip();
        self.open = open;
        answered.iter().sum()
    }

    /// Asks so often per second over the open connections in turn, and gives how long each answer took.
    pub fn quiet(&mut self, per_second: u32, time: Duration) -> Vec<Duration> {
        let wires = std::mem::take(&mut self.open);
        let count = u32::try_from(wires.len()).unwrap();
        let asked = self.runtime.block_on(async {
            let mut all = JoinSet::new();
            let (pause, start) = (Duration::from_secs(1) / per_second, Instant::now());
            for (number, mut wire) in (0..count).zip(wires) {
                let requests = self.requests.clone();
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
                        waits.push(wire.heard - began);
                        due += pause * count;
                    }
                    (wire, waits)
                });
            }
            all.join_all().await
        });
        let (open, waits): (_, Vec<_>) = asked.into_iter().unzip();
        self.open = open;
        waits.concat()
    }

    /// Asks over each open connection once in `every`, spread evenly; `watch` is given the time for which all then
    /// keep their pace.
    pub fn paced<T>(&mut self, every: Duration, time: Duration, watch: impl AsyncFn(Duration) -> T) -> T {
        let wires = std::mem::take(&mut self.open);
        let count = u32::try_from(wires.len()).unwrap();
        self.runtime.block_on(async {
            let mut all = JoinSet::new();
            let start = Instant::now();
            let end = start + every * 3 + time;
            for ((number, mut wire), text) in (0..count).zip(wires).zip(self.requests.texts.iter()) {
                let text = text.clone();
                all.spawn(async move {
                    let mut due = start + every * number / count;
                    while due < end {
                        tokio::time::sleep_until(due.into()).await;
                        wire.ask(&text).await;
                        due += every;
                    }
                });
            }
            // As long as links are given to settle.
            tokio::time::sleep(every * 2).await;
            let seen = watch(time).await;
            all.join_all().await;
            seen
        })
    }

    async fn connect(&self) -> Wire {
        let Requests { way, authority, .. } = &self.requests;
        Wire::open(way, authority).await.unwrap()
    }
}

/// The body of the first answer.
pub fn body_of(requests: &Requests) -> Vec<u8> {
    runtime().block_on(async {
        let mut wire = Wire::open(&requests.way, &requests.authority).await.unwrap();
        let (head, length) = wire.ask(requests.next().unwrap()).await;
        wire.buffer[head..head + length].to_vec()
    })
}

/// Asks for `/health` until it is well.
pub fn until_healthy(client: &Arc<ClientConfig>, authority: &str) {
    let way = Way::Tls(Arc::clone(client));
    let request = format!("GET /health HTTP/1.1\r\nhost: {authority}\r\n\r\n");
    runtime().block_on(async {
        let began = Instant::now();
        loop {
            match Wire::open(&way, authority).await {
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

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One connection.
pub struct Wire {
    pub stream: Box<dyn Stream>,
    pub buffer: Vec<u8>,
    /// When it was heard last. What we do with an answer after that, longer with more headers, is not its server's wait.
    pub heard: Instant,
}

impl Wire {
    pub async fn open(way: &Way, authority: &str) -> std::io::Result<Self> {
        Self::over(TcpStream::connect(authority).await?, way).await
    }

    /// The same from another address of this machine: all of 127.0.0.0/8 is.
    pub async fn open_from(from: Ipv4Addr, way: &Way, authority: &str) -> std::io::Result<Self> {
        Self::over(connect_from(from, authority, None).await?, way).await
    }

    async fn over(stream: TcpStream, way: &Way) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match way {
            Way::Tls(client) => {
                let name = ServerName::try_from("localhost").unwrap();
                let connector = TlsConnector::from(Arc::clone(client));
                Box::new(connector.connect(name, stream).await?)
            }
            Way::BehindProxy => Box::new(stream),
        };
        Ok(Self {
            stream,
            buffer: vec![0; 32 * 1024],
            heard: Instant::now(),
        })
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
        self.hear(request).await.unwrap()
    }

    /// The same, and whatever became of the connection.
    pub async fn hear(&mut self, request: &[u8]) -> std::io::Result<(u16, usize, usize)> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            self.heard = Instant::now();
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
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
                return Ok((status, head, length));
            }
        }
    }
}

/// A connection from an address of this machine, which takes in no more than `room` bytes ahead.
pub async fn connect_from(from: Ipv4Addr, authority: &str, room: Option<u32>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    if let Some(room) = room {
        socket.set_recv_buffer_size(room)?;
    }
    socket.bind((from, 0).into())?;
    socket.connect(authority.parse().unwrap()).await
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
