//! Which entries are meant.

use std::time::Duration;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_kit::FaultKind;

use crate::cli::context::Context;
use crate::cli::{duration, user};
use crate::failure::Failure;

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Filter {
    /// Only from this time on (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "since")]
    from: Option<String>,
    /// Only before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only of the last while (such as 2h)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    since: Option<Duration>,
    /// Only by this user (name or id, or such as anonymous, system, local:root)
    #[arg(long)]
    user: Option<String>,
    /// Only of this type (AUTH, AUTH_FAILED, AUTHZ_DENIED, AUDIT, SECURITY, ERROR, SUSPICIOUS)
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only this action
    #[arg(long)]
    action: Option<String>,
    /// Only about this
    #[arg(long)]
    resource: Option<String>,
    /// Only with this result (success, failure, denied)
    #[arg(long)]
    result: Option<String>,
    /// Only from this address
    #[arg(long, value_name = "ADDR")]
    source_ip: Option<String>,
    /// Only with this text anywhere
    #[arg(long)]
    text: Option<String>,
}

impl Filter {
    pub(super) async fn query(&self, context: &Context) -> Result<Vec<(&'static str, String)>, Failure> {
        let from = match self.since {
            Some(since) => Some(rfc3339(context.ambient.now() - since)?),
            None => self.from.clone(),
        };
        let user = match &self.user {
            Some(user) => Some(actor(context, user).await?),
            None => None,
        };
        let given = [
            ("from", from.as_ref()),
            ("to", self.to.as_ref()),
            ("user", user.as_ref()),
            ("event_type", self.event_type.as_ref()),
            ("action", self.action.as_ref()),
            ("resource", self.resource.as_ref()),
            ("result", self.result.as_ref()),
            ("source_ip", self.source_ip.as_ref()),
            ("text", self.text.as_ref()),
        ];
        Ok(given
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value.clone())))
            .collect())
    }
}

/// What the log calls somebody: people by their id alone.
async fn actor(context: &Context, user: &str) -> Result<String, Failure> {
    if user.contains(':') || matches!(user, "anonymous" | "system") {
        return Ok(user.to_owned());
    }
    Ok(user::find(&context.client()?, user).await?.to_string())
}

/// A time as the API takes it.
fn rfc3339(at: OffsetDateTime) -> Result<String, Failure> {
    at.format(&Rfc3339).map_err(|error| {
        Failure::new(
            FaultKind::Invalid,
            format!("that time cannot be written: {error}"),
        )
    })
}
