//! A plain axum program behind the shield: `cargo run -p watchroom-shield --example guestbook`, then try
//! `curl -i http://127.0.0.1:8080/`, and post to `/sign-in` six times within a minute.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::Method;
use tokio::net::TcpListener;
use watchroom_kit::Ambient;
use watchroom_shield::{Config, RouteClass, RouteRule, Shield, serve_plain};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    guard(listener, guestbook(), Ambient::system()).await;
    Ok(())
}

/// What stands behind the shield, and knows nothing of it.
pub fn guestbook() -> Router {
    Router::new()
        .route("/", get(async || "Alice was here.\n"))
        .route("/sign-in", post(async || "Not known.\n"))
}

/// All that the shield needs: a configuration, and which route is of which kind.
pub async fn guard(listener: TcpListener, app: Router, ambient: Ambient) {
    let shield = Shield::new(Config::default(), &[], Arc::new(classify), &ambient);
    serve_plain(listener, shield, app, ambient.tasks).await;
}

fn classify(_: &Method, path: &str) -> RouteRule {
    RouteRule::new(match path {
        "/sign-in" => RouteClass::SignIn,
        _ => RouteClass::Page,
    })
}
