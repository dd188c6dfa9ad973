//! The client's end of a WebSocket.

use std::time::Duration;

use axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::{Answer, Visitor};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
    /// The headers with which it was opened.
    pub headers: HeaderMap,
}

/// What comes over a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Value),
    /// It was closed, with this code and reason.
    Closed(u16, String),
    /// It broke off.
    Nothing,
}

impl Visitor {
    /// Opens a WebSocket, or gives the answer that there was instead. `headers` come beside what the handshake needs, or in
    /// its place.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn socket(&self, path: &str, headers: &[(HeaderName, &str)]) -> Result<Socket, Answer> {
        let mut request = self
            .request(Method::GET, path)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .header(SEC_WEBSOCKET_PROTOCOL, "watchroom.v1")
            .body(Body::empty())
            .expect("a request");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a value");
            request.headers_mut().insert(name, value);
        }
        let response = self.open(request).await;
        if response.status() != 101 {
            return Err(Answer::whole(response).await);
        }
        let headers = response.headers().clone();
        let stream = hyper::upgrade::on(response).await.expect("a connection");
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, None).await;
        Ok(Socket { stream, headers })
    }

    /// Opens a WebSocket as a browser does on a page of ours.
    ///
    /// # Panics
    /// If it is not opened.
    pub async fn page_socket(&self) -> Socket {
        let origin = format!("https://{}", self.authority());
        let opened = self.socket("/api/ws", &[(http::header::ORIGIN, &origin)]).await;
        opened.unwrap_or_else(|answer| panic!("{}", answer.text()))
    }
}

impl Socket {
    /// Says something.
    ///
    /// # Panics
    /// If the connection is over.
    pub async fn say(&mut self, json: &Value) {
        let said = self.stream.send(Message::text(json.to_string())).await;
        said.expect("a connection");
    }

    /// The next thing that comes.
    ///
    /// # Panics
    /// If nothing comes, or no JSON.
    pub async fn hear(&mut self) -> Heard {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match next.expect("something comes") {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Message(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(Some(told)))) => {
                    return Heard::Closed(told.code.into(), told.reason.to_string());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Nothing,
            }
        }
    }

    /// The next message.
    ///
    /// # Panics
    /// If something else comes.
    pub async fn message(&mut self) -> Value {
        match self.hear().await {
            Heard::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Hears it out: the messages that came, and how it ended.
    pub async fn until_closed(&mut self) -> (Vec<Value>, Heard) {
        let mut messages = Vec::new();
        loop {
            match self.hear().await {
                Heard::Message(message) => messages.push(message),
                end => return (messages, end),
            }
        }
    }
}
