//! Those who flood: each on a thread of its own with as many connections as it takes, until it is told to end.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::{HAMMERS, PROXY, SLOW};
use crate::load::{Way, Wire, connect_from, runtime};
use crate::process;
use crate::room::{PASSWORD, Room};

/// Connections from one address: fewer than it may have.
const FROM_ONE: usize = 200;
/// Between two bytes of somebody slow.
const PAUSE: Duration = Duration::from_secs(1);
/// How fast connections are opened: as fast as hands are shaken.
const RISEN_WITHIN: Duration = Duration::from_secs(60);
const REFUSED_PER_S: u32 = 10_000;
const REFUSED_BY: u32 = 32;
/// What HTTP/2 begins with: the preface, and settings that give an answer no room at all.
const HOLDS_BACK: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    Hammer,
    SlowHeaders,
    SlowBodies,
    SlowReads,
    HeldBack,
    Refused,
}

/// What all connections of a flood share.
struct Shared {
    attack: Attack,
    authority: String,
    client: Arc<ClientConfig>,
    way: Way,
    h2: Arc<ClientConfig>,
    is_over: AtomicBool,
    /// Connections that have begun what they are for.
    risen: AtomicUsize,
    done: AtomicUsize,
}

/// A flood until it ends.
pub struct Flood {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Flood {
    /// Begins, and waits until all its connections are there.
    pub fn begin(room: &Room, attack: Attack) -> Self {
        let mut h2 = ClientConfig::clone(&room.client());
        h2.alpn_protocols = vec![b"h2".to_vec()];
        let shared = Arc::new(Shared {
            attack,
            authority: room.authority(),
            client: room.client(),
            way: Way::Tls(room.client()),
            h2: Arc::new(h2),
            is_over: AtomicBool::new(false),
            risen: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        });
        let connections = match attack {
            Attack::Hammer => HAMMERS,
            Attack::Refused => REFUSED_BY as usize,
            _ => SLOW,
        };
        let (of_thread, began) = (Arc::clone(&shared), Instant::now());
        let thread = std::thread::spawn(move || {
            process::give_way();
            runtime().block_on(async {
                let mut all = JoinSet::new();
                for number in 0..connections {
                    all.spawn(flood(Arc::clone(&of_thread), number));
                }
                all.join_all().await;
            });
        });
        while shared.risen.load(Ordering::Relaxed) < connections {
            assert!(
                began.elapsed() < RISEN_WITHIN,
                "{attack:?} does not get its connections"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { shared, thread }
    }

    /// Ends, and gives how much was answered.
    pub fn end(self) -> usize {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.shared.done.load(Ordering::Relaxed)
    }
}

/// One connection of a flood, opened again whenever it is ended.
async fn flood(shared: Arc<Shared>, number: usize) {
    let mut is_counted = false;
    let risen = |is_counted: &mut bool| {
        if !std::mem::replace(is_counted, true) {
            shared.risen.fetch_add(1, Ordering::Relaxed);
        }
    };
    while !shared.is_over.load(Ordering::Relaxed) {
        // That it is cut off is what it is there for.
        let _cut = match shared.attack {
            Attack::Hammer => hammer(&shared, number, || risen(&mut is_counted)).await,
            Attack::Refused => refused(&shared, number, || risen(&mut is_counted)).await,
            Attack::SlowHeaders => {
                slow(&shared, number, b"GET / HTTP/1.1\r\nx: ", || {
                    risen(&mut is_counted);
                })
                .await
            }
            Attack::SlowBodies => {
                let head = format!(
                    "POST /login HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 4000\r\n\r\na=",
                    shared.authority
                );
                slow(&shared, number, head.as_bytes(), || risen(&mut is_counted)).await
            }
            Attack::SlowReads => deaf(&shared, number, || risen(&mut is_counted)).await,
            Attack::HeldBack => held_back(&shared, number, || risen(&mut is_counted)).await,
        };
        // Whoever is cut off at once comes again, but not at once: that would be another flood.
        tokio::time::sleep(PAUSE / 4).await;
    }
}

fn source(number: usize) -> Ipv4Addr {
    let block = u8::try_from(number / FROM_ONE % 250).unwrap();
    Ipv4Addr::new(127, 0, 1, block + 1)
}

/// Sends a beginning, and then a byte now and then.
async fn slow(shared: &Shared, number: usize, beginning: &[u8], risen: impl FnOnce()) -> std::io::Result<()> {
    let mut wire = Wire::open_from(source(number), &shared.way, &shared.authority).await?;
    wire.stream.write_all(beginning).await?;
    risen();
    let mut piece = [0; 1024];
    while !shared.is_over.load(Ordering::Relaxed) {
        wire.stream.write_all(b"x").await?;
        if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(PAUSE, wire.stream.read(&mut piece)).await {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks for page after page and reads nothing.
async fn deaf(shared: &Shared, number: usize, risen: impl FnOnce()) -> std::io::Result<()> {
    let stream = connect_from(source(number), &shared.authority, Some(1)).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::clone(&shared.client))
        .connect(name, stream)
        .await?;
    let request = format!(
        "GET /login HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\n\r\n",
        shared.authority
    );
    stream.write_all(request.repeat(8).as_bytes()).await?;
    risen();
    while !shared.is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Asks over HTTP/2 and gives the answers no room.
async fn held_back(shared: &Shared, number: usize, risen: impl FnOnce()) -> std::io::Result<()> {
    let stream = connect_from(source(number), &shared.authority, None).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::clone(&shared.h2))
        .connect(name, stream)
        .await?;
    stream.write_all(HOLDS_BACK).await?;
    let mut fields = vec![0x82, 0x87];
    for (name, value) in [
        (":path", "/login"),
        (":authority", shared.authority.as_str()),
        ("accept", "text/html"),
    ] {
        fields.push(0);
        for text in [name, value] {
            fields.push(u8::try_from(text.len()).unwrap());
            fields.extend_from_slice(text.as_bytes());
        }
    }
    for stream_id in [1, 3, 5, 7] {
        let mut frame = vec![
            0,
            0,
            u8::try_from(fields.len()).unwrap(),
            1,
            5,
            0,
            0,
            0,
            stream_id,
        ];
        frame.extend_from_slice(&fields);
        stream.write_all(&frame).await?;
    }
    risen();
    let mut piece = [0; 1024];
    while !shared.is_over.load(Ordering::Relaxed) {
        // Settings are acknowledged and pings answered late, but never an answer taken.
        stream.write_all(b"\0\0\0\x04\x01\0\0\0\0").await?;
        if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(PAUSE, stream.read(&mut piece)).await {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks as nobody, far more often than nobody may.
async fn refused(shared: &Shared, number: usize, risen: impl FnOnce()) -> std::io::Result<()> {
    let mut wire = Wire::open_from(source(number), &shared.way, &shared.authority).await?;
    let request = format!("GET /api/nodes HTTP/1.1\r\nhost: {}\r\n\r\n", shared.authority);
    risen();
    let pause = Duration::from_secs(1) * REFUSED_BY / REFUSED_PER_S;
    let mut due = Instant::now();
    while !shared.is_over.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        wire.hear(request.as_bytes()).await?;
        shared.done.fetch_add(1, Ordering::Relaxed);
        due += pause;
    }
    Ok(())
}

/// Tries one password after the other for names that nobody has, each time as if from somewhere else.
async fn hammer(shared: &Shared, number: usize, risen: impl FnOnce()) -> std::io::Result<()> {
    // An address that sends no password: whoever fetches pages has a limit too.
    let page_from = format!("203.0.113.{}", number + 1);
    let mut form = Form::open(
        PROXY.parse().unwrap(),
        &shared.way,
        &shared.authority,
        Some(&page_from),
    )
    .await?;
    risen();
    let mut turn = 0_usize;
    while !shared.is_over.load(Ordering::Relaxed) {
        turn += 1;
        // Each time from another network, so that none of them is banned for it.
        let from = format!("10.{}.{}.7", number, turn % 250);
        let name = format!("nobody-{number}-{turn}");
        form.send(&name, "wrong+horse+9", Some(&from)).await?;
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Signs in with the right password from an address of one's own, and gives the time that took.
pub fn enter(room: &Room) -> Duration {
    runtime().block_on(async {
        let began = Instant::now();
        let way = Way::Tls(room.client());
        let mut form = Form::open(Ipv4Addr::new(127, 0, 0, 5), &way, &room.authority(), None)
            .await
            .unwrap();
        let status = form
            .send("somebody", &PASSWORD.replace(' ', "+"), None)
            .await
            .unwrap();
        assert_eq!(status, 303, "the right password was refused");
        began.elapsed()
    })
}

/// The sign-in form on a connection of its own.
pub struct Form {
    wire: Wire,
    authority: String,
    cookie: String,
    csrf: String,
}

impl Form {
    /// Opens it from an address of this machine; `claimed` is whom that one, if it is the proxy, says it asks for.
    pub async fn open(
        from: Ipv4Addr,
        way: &Way,
        authority: &str,
        claimed: Option<&str>,
    ) -> std::io::Result<Self> {
        let mut wire = Wire::open_from(from, way, authority).await?;
        let claimed = forwarded(claimed);
        let page = format!("GET /login HTTP/1.1\r\nhost: {authority}\r\naccept: text/html\r\n{claimed}\r\n");
        let (status, head, length) = wire.hear(page.as_bytes()).await?;
        let text = String::from_utf8_lossy(&wire.buffer[..head + length]).into_owned();
        if status != 200 {
            return Err(std::io::Error::other(text));
        }
        let cookies = text.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let mut held = cookies.filter_map(|cookie| cookie.split(';').next());
        let cookie = held.find(|pair| !pair.ends_with('=')).unwrap().to_owned();
        let (_, rest) = text.split_once("name=\"csrf_token\" value=\"").unwrap();
        Ok(Self {
            wire,
            authority: authority.to_owned(),
            cookie,
            csrf: rest.split('"').next().unwrap().to_owned(),
        })
    }

    /// Sends name and password, and gives the status of the answer.
    pub async fn send(&mut self, name: &str, password: &str, from: Option<&str>) -> std::io::Result<u16> {
        let fields = format!("username={name}&password={password}");
        self.post("/login", &fields, from).await
    }

    /// Sends the fields of another form that is there before one is signed in, and gives the status of the answer.
    pub async fn post(&mut self, path: &str, fields: &str, from: Option<&str>) -> std::io::Result<u16> {
        let body = format!("csrf_token={}&{fields}", self.csrf);
        let from = forwarded(from);
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n{from}\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.authority,
            self.cookie,
            body.len()
        );
        Ok(self.wire.hear(request.as_bytes()).await?.0)
    }
}

/// What a proxy says of whom it asks for.
fn forwarded(claimed: Option<&str>) -> String {
    claimed.map_or_else(String::new, |from| {
        format!("x-forwarded-for: {from}\r\nx-forwarded-proto: https\r\n")
    })
}
