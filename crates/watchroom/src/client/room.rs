//! A real HTTP server on a Unix socket for tests of whoever speaks to a Host.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixListener;
use watchroom_kit::Ambient;
use watchroom_testkit_folder::Folder;

use super::{Client, Target};
use crate::endpoints::Endpoints;

/// What the server does with the next request.
pub(crate) enum Turn {
    /// Answer with this status and body.
    Answer(u16, Value),
    /// Answer with these server-sent events, then end.
    Events(String),
    /// Take the request and end the connection.
    HangUp,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) key: Option<String>,
    pub(crate) body: Value,
}

pub(crate) struct Room {
    folder: Folder,
    asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) ambient: Ambient,
}

impl Room {
    /// A server that takes one turn per request.
    pub(crate) async fn open(turns: Vec<Turn>) -> Self {
        let folder = Folder::new();
        let socket = folder.path().join("s");
        let room = Self {
            folder,
            asked: Arc::default(),
            ambient: Ambient::system(),
        };
        Endpoints {
            socket: Some(socket.clone()),
            ..Endpoints::default()
        }
        .publish(&room.state())
        .unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let (asked, turns) = (room.asked.clone(), Arc::new(Mutex::new(VecDeque::from(turns))));
        room.ambient.tasks.spawn("server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(|request| answer(request, asked.clone(), turns.clone()));
                drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await,
                );
            }
        });
        room
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(Target::local(&self.state()).unwrap(), self.ambient.clone())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.ambient.tasks.stop();
    }
}

async fn answer(
    request: Request<Incoming>,
    asked: Arc<Mutex<Vec<Asked>>>,
    turns: Arc<Mutex<VecDeque<Turn>>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let line = format!("{} {}", request.method(), request.uri());
    let key = request
        .headers()
        .get("idempotency-key")
        .map(|key| key.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    asked.lock().unwrap().push(Asked { line, key, body });
    let turn = turns.lock().unwrap().pop_front();
    match turn {
        Some(Turn::Answer(status, body)) => {
            let response = Response::builder()
                .status(status)
                .header("x-request-id", "from-header");
            Ok(response.body(Full::from(body.to_string())).unwrap())
        }
        Some(Turn::Events(text)) => {
            let response = Response::builder().header("content-type", "text/event-stream");
            Ok(response.body(Full::from(text)).unwrap())
        }
        Some(Turn::HangUp) | None => Err(std::io::ErrorKind::ConnectionAborted.into()),
    }
}
