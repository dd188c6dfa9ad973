//! What is searched for.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;
use watchroom_store::AuditFilter;

use crate::RecordsError;

/// What is searched for; all that is given must fit.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RecordFilter {
    /// From this time on (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Before this time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who did it: a pseudonymous id, `anonymous`, `system`, `local:root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The kind of event (`AUTH_FAILED`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The act (`server.start`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What it was done to (`server:<id>`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How it ended: `success`, `failure` or `denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// A text that stands somewhere in the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The longest text that is searched for, in characters. What is searched for is written down, and the next search reads that, too.
const LONGEST: usize = 128;

impl RecordFilter {
    /// The filter as the store wants it; empty fields, as forms send them, ask for nothing.
    pub(crate) fn parse(&self) -> Result<AuditFilter, RecordsError> {
        Ok(AuditFilter {
            from: time(self.from.as_ref(), "from")?,
            to: time(self.to.as_ref(), "to")?,
            user: short(self.user.as_ref(), "user")?,
            event_type: word(
                self.event_type.as_ref(),
                "event_type",
                "must be one of AUTH, AUTH_FAILED, AUTHZ_DENIED, AUDIT, SECURITY, ERROR, SUSPICIOUS",
            )?,
            action: short(self.action.as_ref(), "action")?,
            resource: short(self.resource.as_ref(), "resource")?,
            result: word(
                self.result.as_ref(),
                "result",
                "must be success, failure or denied",
            )?,
            source_ip: address(self.source_ip.as_ref())?,
            decision: None,
            text: short(self.text.as_ref(), "text")?,
        })
    }

    /// What was asked, for the entry that a search leaves.
    pub(crate) fn asked(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether it lets everything through.
    pub(crate) fn is_open(&self) -> bool {
        self.asked()
            .as_object()
            .is_none_or(|fields| fields.values().all(|value| value == ""))
    }
}

fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn short(text: Option<&String>, field: &'static str) -> Result<Option<String>, RecordsError> {
    match given(text) {
        Some(text) if text.chars().count() > LONGEST => Err(RecordsError::Filter {
            field,
            rule: "must have 128 characters at most",
        }),
        other => Ok(other),
    }
}

fn time(text: Option<&String>, field: &'static str) -> Result<Option<OffsetDateTime>, RecordsError> {
    let wrong = |_| RecordsError::Filter {
        field,
        rule: "must be a time such as 2026-01-02T03:04:05Z",
    };
    given(text)
        .map(|text| OffsetDateTime::parse(&text, &Rfc3339).map_err(wrong))
        .transpose()
}

fn word<T: for<'de> Deserialize<'de>>(
    text: Option<&String>,
    field: &'static str,
    rule: &'static str,
) -> Result<Option<T>, RecordsError> {
    let parse =
        |text| serde_json::from_value(Value::String(text)).map_err(|_| RecordsError::Filter { field, rule });
    given(text).map(parse).transpose()
}

fn address(text: Option<&String>) -> Result<Option<IpAddr>, RecordsError> {
    let wrong = |_| RecordsError::Filter {
        field: "source_ip",
        rule: "must be an IPv4 or IPv6 address",
    };
    given(text).map(|text| text.parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_cannot_be_is_named() {
        let filter = RecordFilter {
            event_type: Some("LOGIN".into()),
            ..RecordFilter::default()
        };
        assert!(matches!(
            filter.parse(),
            Err(RecordsError::Filter {
                field: "event_type",
                ..
            })
        ));
        let filter = RecordFilter {
            from: Some("yesterday".into()),
            ..RecordFilter::default()
        };
        assert!(matches!(
            filter.parse(),
            Err(RecordsError::Filter { field: "from", .. })
        ));
    }

    #[test]
    fn nobody_searches_for_a_novel() {
        let of = |length: usize| RecordFilter {
            text: Some("é".repeat(length)),
            ..RecordFilter::default()
        };
        assert!(of(LONGEST).parse().is_ok());
        let refused = of(LONGEST + 1).parse();
        assert!(matches!(refused, Err(RecordsError::Filter { field: "text", .. })));
    }

    #[test]
    fn empty_fields_ask_for_nothing() {
        let filter = RecordFilter {
            user: Some(String::new()),
            ..RecordFilter::default()
        };
        assert!(filter.is_open());
        assert_eq!(filter.parse().unwrap().user, None);
    }
}
