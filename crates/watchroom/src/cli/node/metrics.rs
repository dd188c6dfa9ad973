//! `watchroom node metrics`: what a machine did in the last hour, by its node's own word.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use watchroom_kit::FaultKind;

use super::find;
use crate::cli::context::Context;
use crate::cli::duration;
use crate::failure::Failure;
use crate::output::{Column, Form};

const LOOKS: &[Column] = &[
    Column::new("TIME", "at"),
    Column::new("CPU %", "cpu_percent"),
    Column::new("LOAD", "load"),
    Column::new("MEMORY %", "memory_percent"),
    Column::new("SWAP %", "swap_percent"),
    Column::new("IN (B/S)", "received"),
    Column::new("OUT (B/S)", "sent"),
];

/// Which machine, and from when on.
#[derive(Debug, Args)]
pub(super) struct Metrics {
    /// Its name or id
    node: String,
    /// Only what was measured in this time, at most an hour
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration::parse)]
    since: Duration,
}

impl Metrics {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let id = find(&client, &self.node).await?;
        let since = (context.ambient.now() - self.since)
            .format(&Rfc3339)
            .map_err(|error| Failure::new(FaultKind::Internal, error.to_string()))?;
        let metrics = client
            .get(&format!("/api/nodes/{id}/metrics"), &[("since", since)])
            .await?;
        if context.output.form() != Form::Table {
            return context.output.whole(&metrics);
        }
        let samples = metrics.get("samples").and_then(Value::as_array);
        let rows: Vec<_> = samples.into_iter().flatten().map(row).collect();
        context
            .output
            .list(&json!({ "items": rows, "next_cursor": null }), LOOKS)?;
        if metrics.get("is_current") == Some(&Value::Bool(false)) {
            let of = |name: &str| metrics.get(name).map(Value::to_string).unwrap_or_default();
            let why = metrics.get("reason").and_then(Value::as_str).unwrap_or_default();
            context.remark(&format!("not current, {} s old: {why}", of("age_s")));
        }
        Ok(())
    }
}

/// A sample as a row: shares in hundredths, rates in whole bytes.
fn row(sample: &Value) -> Value {
    let number = |path: &str| sample.pointer(path).and_then(Value::as_f64);
    let percent = |of: &str| {
        let total = number(&format!("/{of}/total_bytes")).filter(|total| *total > 0.0)?;
        Some(rounded(number(&format!("/{of}/used_bytes"))? / total * 100.0))
    };
    json!({
        "at": sample.get("at"),
        "cpu_percent": number("/cpu_percent").map(rounded),
        "load": sample.get("load"),
        "memory_percent": percent("memory"),
        "swap_percent": percent("swap"),
        "received": number("/network/received_bytes_per_s").map(f64::round),
        "sent": number("/network/sent_bytes_per_s").map(f64::round),
    })
}

/// To a tenth.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_shares_in_hundredths_and_what_is_not_known_stays_empty() {
        let sample = json!({
            "at": "2026-03-01T12:00:00Z",
            "cpu_percent": 12.345,
            "load": 0.5,
            "memory": { "used_bytes": 1, "total_bytes": 3 },
            "swap": { "used_bytes": 0, "total_bytes": 0 },
            "network": null,
        });
        let row = row(&sample);
        assert_eq!(
            (&row["cpu_percent"], &row["memory_percent"]),
            (&json!(12.3), &json!(33.3))
        );
        assert!(row["swap_percent"].is_null() && row["sent"].is_null(), "{row}");
    }
}
