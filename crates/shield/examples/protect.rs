//! A plain axum program behind the shield: `cargo run -p watchroom-shield --example protect`.

use std::sync::Arc;

use axum::{Router, routing::get};
use http::Method;
use tokio::net::TcpListener;
use watchroom_kit::Ambient;
use watchroom_shield::{Config, RouteClass, RouteRule, Shield, serve_plain};

fn classify(method: &Method, path: &str) -> RouteRule {
    match path {
        "/login" if method == Method::POST => RouteRule::new(RouteClass::SignIn),
        "/health" => RouteRule::new(RouteClass::Health),
        _ => RouteRule::new(RouteClass::Page),
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let ambient = Ambient::system();
    let router = Router::new().route("/", get(async || "Hello from behind the shield.\n"));
    let shield = Shield::new(Config::default(), &[], Arc::new(classify), &ambient);
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    serve_plain(listener, shield, router, ambient.tasks).await;
    Ok(())
}
