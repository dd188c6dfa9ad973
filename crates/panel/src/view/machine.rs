//! The machine itself on a node's page: how it was in the last hour, and an operation on it.

use askama::Template;
use askama::filters::HtmlSafe;
use time::OffsetDateTime;
use watchroom_fleet::nodes::MetricsView;
use watchroom_fleet::{OperationKind, OperationState, OperationView};
use watchroom_model::{NodeId, Sample, Share};

use super::{Moment, bytes};
use crate::text::{EN, Text};

/// The width of a chart, in its own units: a second each.
const WIDTH: f64 = 3_600.0;
/// Its height: a hundredth each.
const HEIGHT: f64 = 100.0;
/// Two looks further apart than this are not joined, in seconds: nobody looked between.
const GAP: f64 = 20.0;
/// Rows of the table beside a chart: one each five minutes.
const ROWS: usize = 12;

/// A chart of one or two lines over the last hour.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// What is drawn.
    pub(crate) title: &'static str,
    /// What the top of the chart stands for.
    pub(crate) top: String,
    /// The newest values in words.
    pub(crate) now: String,
    /// The lines: each a name, a class, and its stretches as points of an SVG polyline.
    pub(crate) lines: Vec<ChartLine>,
}

/// One line of a chart.
#[derive(Clone, Debug)]
pub(crate) struct ChartLine {
    /// What it is.
    pub(crate) name: &'static str,
    /// How it is drawn: the second is dashed, so that it is told apart without colour.
    pub(crate) class: &'static str,
    /// Its stretches.
    pub(crate) stretches: Vec<String>,
}

/// The last hour of a machine.
#[derive(Debug, Template)]
#[template(path = "parts/last_hour.html")]
pub(crate) struct LastHour {
    /// The words.
    pub(crate) t: &'static Text,
    /// Whose machine it is.
    pub(crate) node: NodeId,
    /// When the node said so, if it does not say so now.
    pub(crate) as_of: Option<Moment>,
    /// Why it did not answer now.
    pub(crate) reason: String,
    /// The charts; none if nothing is known.
    pub(crate) charts: Vec<Chart>,
    /// The same as rows of text: the time, then each chart's values.
    pub(crate) rows: Vec<(Moment, Vec<String>)>,
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for LastHour {}

/// What a line shows of a sample.
type Value = fn(&Sample) -> Option<f64>;

/// A chart before it is drawn: its title, how a value reads, the top if it is known, and its lines.
struct Plan {
    title: &'static str,
    words: fn(f64) -> String,
    top: Option<f64>,
    lines: Vec<(&'static str, Value)>,
}

impl LastHour {
    /// The hour as seen at `now`.
    pub(crate) fn new(node: NodeId, metrics: &MetricsView, now: OffsetDateTime) -> Self {
        let samples = &metrics.samples;
        let plans = if samples.is_empty() { Vec::new() } else { plans() };
        let step = samples.len().div_ceil(ROWS).max(1);
        let rows = samples.iter().rev().step_by(step).map(|sample| {
            let values = plans.iter().map(|plan| said(plan, sample)).collect();
            (Moment::clock(sample.at), values)
        });
        Self {
            t: &EN,
            node,
            as_of: metrics
                .as_of
                .filter(|_| !metrics.is_current)
                .map(|at| Moment::age(at, now)),
            reason: metrics.reason.clone(),
            rows: rows.collect(),
            charts: plans.iter().map(|plan| draw(plan, samples)).collect(),
        }
    }
}

fn plans() -> Vec<Plan> {
    let percent: fn(f64) -> String = |value| format!("{value:.0} %");
    vec![
        Plan {
            title: EN.cpu,
            words: percent,
            top: Some(HEIGHT),
            lines: vec![(EN.cpu, |sample| sample.cpu_percent)],
        },
        Plan {
            title: EN.memory,
            words: percent,
            top: Some(HEIGHT),
            lines: vec![
                (EN.memory, |sample| of_all(sample.memory)),
                (EN.swap, |sample| of_all(sample.swap)),
            ],
        },
        Plan {
            title: EN.load,
            words: |value| format!("{value:.2}"),
            top: None,
            lines: vec![(EN.load, |sample| Some(sample.load))],
        },
        Plan {
            title: EN.network,
            words: |value| EN.per_second(bytes(whole(value))),
            top: None,
            lines: vec![
                (EN.received, |sample| Some(sample.network?.received_bytes_per_s)),
                (EN.sent, |sample| Some(sample.network?.sent_bytes_per_s)),
            ],
        },
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and a float becomes the nearest whole number there is"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody sees the last bit of 2^53 bytes in a chart"
)]
fn of_all(share: Share) -> Option<f64> {
    (share.total_bytes > 0).then(|| share.used_bytes as f64 / share.total_bytes as f64 * HEIGHT)
}

/// What a sample says of a chart's lines, each by its name if there is more than one to tell apart.
fn said(plan: &Plan, sample: &Sample) -> String {
    let known = plan.lines.iter().filter_map(|(name, value)| {
        let words = (plan.words)(value(sample)?);
        Some((*name, words))
    });
    let mut known: Vec<_> = known.collect();
    match known.as_mut_slice() {
        [] => EN.not_known.to_owned(),
        [(_, words)] => std::mem::take(words),
        several => {
            let named: Vec<_> = several
                .iter()
                .map(|(name, words)| format!("{name} {words}"))
                .collect();
            named.join(", ")
        }
    }
}

fn draw(plan: &Plan, samples: &[Sample]) -> Chart {
    let values = plan
        .lines
        .iter()
        .flat_map(|(_, value)| samples.iter().filter_map(value));
    let highest = values.fold(0.0_f64, f64::max);
    let top = plan
        .top
        .unwrap_or(if highest > 0.0 { highest * 1.1 } else { 1.0 });
    let end = samples
        .last()
        .map_or(OffsetDateTime::UNIX_EPOCH, |sample| sample.at);
    let lines = plan.lines.iter().zip(["line", "line second"]);
    Chart {
        title: plan.title,
        top: (plan.words)(top),
        now: samples
            .last()
            .map(|sample| said(plan, sample))
            .unwrap_or_default(),
        lines: lines
            .map(|((name, value), class)| ChartLine {
                name,
                class,
                stretches: stretches(samples, *value, end, top),
            })
            .collect(),
    }
}

/// The points of a line, cut where nobody looked for a while.
fn stretches(samples: &[Sample], value: Value, end: OffsetDateTime, top: f64) -> Vec<String> {
    let mut stretches: Vec<String> = Vec::new();
    let mut before: Option<f64> = None;
    for sample in samples {
        let x = WIDTH - (end - sample.at).as_seconds_f64();
        let Some(y) = value(sample)
            .filter(|_| x >= 0.0)
            .map(|value| HEIGHT - value / top * HEIGHT)
        else {
            before = None;
            continue;
        };
        let point = format!("{x:.0},{:.1}", y.clamp(0.0, HEIGHT));
        match stretches
            .last_mut()
            .filter(|_| before.is_some_and(|before| x - before <= GAP))
        {
            Some(stretch) => {
                stretch.push(' ');
                stretch.push_str(&point);
            }
            None => stretches.push(point),
        }
        before = Some(x);
    }
    stretches
}

/// An operation on the machine, as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct OperationCard {
    /// The operation.
    pub(crate) operation: OperationView,
    /// What is being done, and by whom.
    pub(crate) what: String,
    /// The word for its state, and its tone.
    pub(crate) state: (&'static str, &'static str),
    /// When it was ordered.
    pub(crate) begun: Moment,
    /// Whether the person may call it off now.
    pub(crate) may_cancel: bool,
}

impl OperationCard {
    /// The operation as seen at `now`.
    pub(crate) fn new(operation: OperationView, may_cancel: bool, now: OffsetDateTime) -> Self {
        let what = match operation.kind {
            OperationKind::RestartNode => EN.operation_restart(&operation.by),
            OperationKind::ShutDownNode => EN.operation_shut_down(&operation.by),
        };
        let state = match operation.state {
            OperationState::Underway => (EN.operation_underway, ""),
            OperationState::Done => (EN.operation_done, "ok"),
            OperationState::Failed => (EN.operation_failed, "bad"),
            OperationState::CalledOff => (EN.operation_called_off, "warn"),
            OperationState::Unknown => (EN.operation_unknown, "warn"),
        };
        Self {
            what,
            state,
            begun: Moment::age(operation.begun_at, now),
            may_cancel: may_cancel && operation.state == OperationState::Underway,
            operation,
        }
    }
}
