//! The walls: which of our crates may know which, who alone owns a heavy library, and where globals are read.

mod edges;
mod fuzz;
mod owners;
mod places;
mod rooms;

use anyhow::Result;

use crate::finding::Finding;
use crate::workspace::Workspace;

/// All walls.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = edges::check(workspace);
    findings.extend(owners::check(workspace));
    findings.extend(places::check(workspace)?);
    findings.extend(fuzz::check(workspace)?);
    Ok(findings)
}
