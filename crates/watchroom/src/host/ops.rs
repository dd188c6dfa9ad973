//! The operations listener: `/livez`, `/readyz` and `/metrics`, on loopback, without sign-in.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use watchroom_api::Vitals;
use watchroom_fleet::Fleet;
use watchroom_kit::Ambient;
use watchroom_model::PageRequest;
use watchroom_policy::Principal;
use watchroom_shield::{RouteClass, RouteRule, Shield};

use super::vitals::HostVitals;

#[derive(Clone)]
struct Ops {
    vitals: Arc<HostVitals>,
    shield: Shield,
    fleet: Fleet,
    ambient: Ambient,
}

pub(super) fn router(vitals: Arc<HostVitals>, shield: Shield, fleet: Fleet, ambient: Ambient) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Ops {
            vitals,
            shield,
            fleet,
            ambient,
        })
}

/// An edge of its own, for machines on this machine: nothing is limited, but the host must be a name of
/// loopback, since a page in a browser here may reach any port under a name of its own (DNS rebinding). A
/// listener that an administrator has opened to one address also answers to that, and one opened to all
/// addresses to anything.
pub(super) fn shield(address: Option<SocketAddr>, ambient: &Ambient) -> Shield {
    let classify = |_: &Method, _: &str| RouteRule::new(RouteClass::Read);
    let mut config = watchroom_shield::Config::default();
    config.limits.anonymous = Vec::new();
    config.limits.presented = Vec::new();
    config.hosts = match address.map(|address| address.ip()) {
        None => Vec::new(),
        Some(address) if address.is_loopback() => Vec::new(),
        Some(address) if address.is_unspecified() => vec!["*".to_owned()],
        Some(address) => vec![address.to_string()],
    };
    Shield::new(config, &[], Arc::new(classify), ambient)
}

async fn readyz(State(ops): State<Ops>) -> (StatusCode, Json<Value>) {
    let parts = ops.vitals.parts().await;
    let is_ready = parts.iter().all(|part| part.trouble.is_none());
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({ "ready": is_ready, "parts": parts })))
}

/// The Prometheus text format, version 0.0.4.
async fn metrics(State(ops): State<Ops>) -> impl IntoResponse {
    let mut text = String::new();
    let uptime = ops.ambient.clock.elapsed().as_secs_f64();
    measure(
        &mut text,
        "watchroom_uptime_seconds",
        "gauge",
        "Seconds since the start.",
        [(String::new(), uptime)],
    );
    let refusals = ops
        .shield
        .refusals()
        .map(|(why, count)| (format!("{{why=\"{why}\"}}"), as_f64(count)));
    measure(
        &mut text,
        "watchroom_refusals_total",
        "counter",
        "Requests the edge turned away.",
        refusals,
    );
    let findings = ops.shield.findings().map(|(class, is_refused, count)| {
        let action = if is_refused { "refused" } else { "reported" };
        (
            format!("{{class=\"{class}\",action=\"{action}\"}}"),
            as_f64(count),
        )
    });
    measure(
        &mut text,
        "watchroom_inspection_findings_total",
        "counter",
        "Input that looked like an attack.",
        findings,
    );
    let parts = ops.vitals.parts().await.into_iter().map(|part| {
        let is_well = part.trouble.is_none() && part.weakness.is_none();
        let name = part.name;
        (format!("{{part=\"{name}\"}}"), f64::from(u8::from(is_well)))
    });
    measure(
        &mut text,
        "watchroom_part_well",
        "gauge",
        "1 for a part of the Host that is as it should be, 0 for one that is away or weak.",
        parts,
    );
    measure(
        &mut text,
        "watchroom_nodes",
        "gauge",
        "Nodes by state.",
        ops.nodes(),
    );
    measure(
        &mut text,
        "watchroom_servers",
        "gauge",
        "Servers by state.",
        ops.servers(),
    );
    (
        [("content-type", "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

impl Ops {
    fn nodes(&self) -> Vec<(String, f64)> {
        let all = self.pages(|request| self.fleet.nodes(&Principal::system(), request).ok());
        count(all.into_iter().map(|node| json!(node.status)))
    }

    fn servers(&self) -> Vec<(String, f64)> {
        let filter = watchroom_fleet::servers::ServerFilter::default();
        let all = self.pages(|request| self.fleet.servers(&Principal::system(), &filter, request).ok());
        count(all.into_iter().map(|server| json!(server.status)))
    }

    fn pages<T>(&self, page: impl Fn(&PageRequest) -> Option<watchroom_model::Page<T>>) -> Vec<T> {
        let mut all = Vec::new();
        let mut request = PageRequest {
            limit: Some(PageRequest::MOST),
            cursor: None,
        };
        while let Some(next) = page(&request) {
            all.extend(next.items);
            request.cursor = next.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        all
    }
}

fn count(words: impl Iterator<Item = Value>) -> Vec<(String, f64)> {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for word in words {
        *counts
            .entry(word.as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(word, count)| (format!("{{status=\"{word}\"}}"), as_f64(count)))
        .collect()
}

fn measure(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    values: impl IntoIterator<Item = (String, f64)>,
) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the format has no other numbers; counts stay far below 2^53"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}
