//! `watchroom server start`, `stop`, `restart` and `remove`.

use serde_json::Value;

use super::Which;
use super::find::find;
use crate::cli::context::Context;
use crate::failure::Failure;

pub(super) async fn act(mut context: Context, which: &Which, verb: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, which).await?;
    let answer = client
        .order(
            &format!("/api/servers/{id}/{verb}"),
            &Value::Object(serde_json::Map::new()),
        )
        .await?;
    context.output.done(&sentence(&which.server, &answer), &answer)
}

pub(super) async fn remove(mut context: Context, which: &Which) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, which).await?;
    let name = &which.server;
    context.confirm(
        &format!("This stops the server {name} and forgets it; its folder stays."),
        name,
    )?;
    let answer = client.delete(&format!("/api/servers/{id}")).await?;
    context.output.done(
        &format!("The server {name} is removed; its folder stays on its node."),
        &answer,
    )
}

/// "echo is running: started by alice", or that it was so already.
fn sentence(name: &str, answer: &Value) -> String {
    let text = |path: &[&str]| {
        let value = path.iter().try_fold(answer, |value, key| value.get(key));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (status, reason) = (text(&["server", "status"]), text(&["server", "reason"]));
    let already = if text(&["outcome"]) == "already_so" {
        " already"
    } else {
        ""
    };
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    format!("{name} is{already} {}{reason}", status.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_outcome_is_told_with_the_reason() {
        let answer =
            json!({"outcome": "done", "server": {"status": "running", "reason": "started by alice"}});
        assert_eq!(sentence("echo", &answer), "echo is running: started by alice");
        let answer = json!({"outcome": "already_so", "server": {"status": "crash_loop", "reason": ""}});
        assert_eq!(sentence("echo", &answer), "echo is already crash loop");
    }
}
