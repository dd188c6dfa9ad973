//! What a machine did in the last hour, asked of its node; or what is known from the last time, with its age.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::Sample;
use watchroom_policy::{Permit, act};

use crate::Fleet;
use crate::gateway::asker;
use crate::servers::OrderError;

/// How far back a node remembers.
const HOUR: Duration = Duration::from_secs(3_600);
/// How long a page waits for a node before it shows what is known.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a node said last, whole.
#[derive(Debug, Default)]
pub(crate) struct LastMetrics(Mutex<Option<(OffsetDateTime, Arc<Vec<Sample>>)>>);

/// What a machine did.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MetricsView {
    /// Whether the node answered just now. If not, these are what it said last.
    pub is_current: bool,
    /// When the node said so; `None` if this Host never heard of any.
    #[serde(with = "time::serde::rfc3339::option")]
    pub as_of: Option<OffsetDateTime>,
    /// How many seconds ago that was.
    pub age_s: Option<i64>,
    /// Why the node did not answer, for people; empty if it did.
    pub reason: String,
    /// One look each five seconds, oldest first: at most an hour.
    #[schema(value_type = Vec<Sample>)]
    pub samples: Vec<Sample>,
}

impl Fleet {
    /// What the machine of the node did after `since`, at most in its last hour. A node that does not answer within
    /// two seconds is shown as this Host knew it last, with the age.
    ///
    /// # Errors
    /// [`OrderError::NoSuchNode`].
    pub async fn metrics(
        &self,
        permit: &Permit<act::ReadMetrics>,
        since: Option<OffsetDateTime>,
    ) -> Result<MetricsView, OrderError> {
        let node = permit.resource().on_node().and_then(|id| self.known_node(id));
        let node = node.ok_or(OrderError::NoSuchNode)?;
        let begin = self.ambient().now() - HOUR - HOUR;
        // The whole hour is asked for, so that what is kept is whole; the node's clock may be off by minutes.
        let asked = self.gateway().metrics(node.id(), asker(permit), begin);
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        let now = self.ambient().now();
        let mut known = node.metrics.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = match asked {
            Ok(Ok(samples)) => {
                *known = Some((now, Arc::new(samples)));
                String::new()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the node did not answer in time".to_owned(),
        };
        let last = known.clone();
        drop(known);
        let as_of = last.as_ref().map(|(at, _)| *at);
        let samples = last.map(|(_, samples)| {
            let later = samples
                .iter()
                .filter(|sample| since.is_none_or(|since| sample.at > since));
            later.cloned().collect()
        });
        Ok(MetricsView {
            is_current: reason.is_empty(),
            as_of,
            age_s: as_of.map(|at| (now - at).whole_seconds()),
            reason,
            samples: samples.unwrap_or_default(),
        })
    }
}
