//! The check that reads what a request says before its body.

use super::Visit;
use crate::events::Seen;
use crate::inspection::{Plan, inspect_head};
use crate::rules::Rules;
use crate::{RouteRule, Shield, Why};

pub(super) fn plan(rules: &Rules, rule: RouteRule) -> Plan {
    Plan {
        rule,
        only_reports: rules.config.inspection.report_only.contains(&rule.class),
    }
}

pub(super) fn inspection(shield: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let uri = &visit.parts.uri;
    let plan = plan(visit.rules, visit.rule);
    let Some(spotted) = inspect_head(plan, uri.path(), uri.query(), &visit.heads) else {
        return Ok(());
    };
    let seen = Seen {
        client: visit.client.address,
        class: visit.rule.class,
        request_id: visit.told.request_id,
        is_own_doing: visit.is_own_doing(),
    };
    shield.tell_of_spotted(&spotted, seen);
    if !spotted.is_refused {
        return Ok(());
    }
    visit.spotted = Some(spotted);
    Err(Why::InputRefused)
}
