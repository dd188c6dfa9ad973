//! The check that reads what a request says before its body.

use super::Visit;
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
    let Some(spotted) = inspect_head(plan, uri.path(), uri.query(), &visit.parts.headers) else {
        return Ok(());
    };
    shield.tell_of_spotted(
        &spotted,
        visit.client.address,
        visit.rule.class,
        visit.told.request_id,
    );
    if !spotted.is_refused {
        return Ok(());
    }
    visit.spotted = Some(spotted);
    Err(Why::InputRefused)
}
