//! A draft: what is known of an act before it has a place in the chain.

use std::net::IpAddr;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use watchroom_model::{DecisionId, RequestId};
use watchroom_policy::{Act, EventType, Permit, Trail};

use crate::Outcome;

/// An entry without its place in a chain. `extra` is redacted when it gets one.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// When it was done.
    pub timestamp: OffsetDateTime,
    /// What kind of event it is.
    pub event_type: EventType,
    /// Who did it, by pseudonymous id.
    pub user: String,
    /// The act's name in the catalogue.
    pub action: String,
    /// What it was done to (`server:<id>`).
    pub resource: String,
    /// How it ended.
    pub result: Outcome,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// What the client said it was.
    pub user_agent: Option<String>,
    /// The request around it.
    pub request_id: Option<RequestId>,
    /// The decision that allowed or refused it.
    pub decision_id: Option<DecisionId>,
    /// What else is worth knowing: before and after, counts, reasons.
    pub extra: Map<String, Value>,
}

impl Draft {
    /// What a permit says of the act it allows. Refusals count as denied and failed sign-ins as failures.
    #[must_use]
    pub fn of<A: Act>(permit: &Permit<A>, timestamp: OffsetDateTime) -> Self {
        let spec = permit.spec();
        let event_type = spec.event.unwrap_or(EventType::Audit);
        let mut draft = Self {
            timestamp,
            event_type,
            user: permit.principal().audit_name(),
            action: spec.name.to_owned(),
            resource: permit.resource().to_string(),
            result: match event_type {
                EventType::AuthFailed | EventType::Error => Outcome::Failure,
                EventType::AuthzDenied | EventType::Suspicious => Outcome::Denied,
                EventType::Auth | EventType::Audit | EventType::Security => Outcome::Success,
            },
            source_ip: None,
            user_agent: None,
            request_id: None,
            decision_id: Some(permit.decision()),
            extra: Map::new(),
        };
        draft.come_by(permit.trail());
        draft
    }

    /// Says by what request it came, from where and by what browser or program.
    pub fn come_by(&mut self, trail: &Trail) {
        self.source_ip = trail.source_ip;
        self.user_agent = trail.user_agent.as_deref().map(str::to_owned);
        self.request_id = trail.request_id;
        if let Some(id) = trail.client_request_id.as_deref() {
            self.extra.insert("client_request_id".to_owned(), Value::from(id));
        }
    }
}
