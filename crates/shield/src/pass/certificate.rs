//! The check that wants a client certificate, where one is wanted.

use super::Visit;
use crate::certificates::PersonsCertificates;
use crate::peer::Door;
use crate::{Lacks, Shield, Why};

/// Whoever holds the machine itself needs none, and machines have doors and certificates of their own.
pub(super) fn certificate(shield: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let wanted = shield.wanted_certificates();
    let class = visit.rule.class;
    let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.classes.contains(&class)) else {
        return Ok(());
    };
    if visit.is_by_socket() || matches!(visit.peer.door, Door::Narrow(_)) {
        return Ok(());
    }
    // A proxy that has a certificate would lend it to everybody behind it.
    if visit.client.is_proxied || visit.client.is_undeclared_proxy {
        return Err(Why::CertificateWanted {
            lacks: Lacks::Directness,
        });
    }
    let shown = visit.parts.extensions.get::<PersonsCertificates>();
    let shown = shown.map_or(&[][..], |shown| &shown.0);
    wanted
        .judge
        .judge(shown)
        .map_err(|lacks| Why::CertificateWanted { lacks })
}
