//! A plain axum program behind the shield: `cargo run -p watchroom-shield --example protect`.
use std::sync::Arc;

use axum::{Router, routing::get, routing::post};
use tokio::net::TcpListener;
use watchroom_kit::Ambient;
use watchroom_shield::{Config, RouteClass, RouteRule, Shield, serve_plain};

fn classify(_: &http::Method, path: &str) -> RouteRule {
    RouteRule::new(match path {
        "/sign-in" => RouteClass::SignIn,
        _ => RouteClass::Page,
    })
}

/// All that it takes.
pub async fn protect(listener: TcpListener, ambient: Ambient) {
    let guestbook = Router::new().route("/", get(async || "Alice was here.\n"));
    let guestbook = guestbook.route("/sign-in", post(async || "Not known.\n"));
    let shield = Shield::new(Config::default(), &[], Arc::new(classify), &ambient);
    serve_plain(listener, shield, guestbook, ambient.tasks).await;
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    protect(listener, Ambient::system()).await;
    Ok(())
}
