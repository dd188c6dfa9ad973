//! What a look over the installation finds: one check after the other, each with what was seen and what to do.

use async_trait::async_trait;
use serde::Serialize;
use utoipa::ToSchema;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// As it should be.
    Good,
    /// It holds, and could hold better.
    Advice,
    /// It works, and something should be done.
    Warning,
    /// It does not protect as it should.
    Bad,
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    /// A word for programs, which stays.
    #[schema(value_type = String)]
    pub id: &'static str,
    /// How it came out.
    pub finding: Finding,
    /// What was seen.
    pub evidence: String,
    /// What to do, unless all is good.
    pub next_step: Option<String>,
}

impl Check {
    /// All is good.
    pub fn good(id: &'static str, evidence: impl Into<String>) -> Self {
        Self {
            id,
            finding: Finding::Good,
            evidence: evidence.into(),
            next_step: None,
        }
    }

    /// Something is to be done.
    pub fn found(
        id: &'static str,
        finding: Finding,
        evidence: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            id,
            finding,
            evidence: evidence.into(),
            next_step: Some(next_step.into()),
        }
    }
}

/// Looks over this installation.
#[async_trait]
pub trait Doctor: Send + Sync + std::fmt::Debug + 'static {
    /// All checks, always in the same order. Takes as long as one password's hash.
    async fn examine(&self) -> Vec<Check>;
}
