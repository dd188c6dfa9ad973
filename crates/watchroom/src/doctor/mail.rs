//! Whether letters leave.

use time::Duration;
use watchroom_mail::Mail;
use watchroom_web::{Check, Finding};

const ID: &str = "mail";
/// How long a letter may wait before somebody should look.
const LONG: Duration = Duration::hours(1);

pub(super) async fn letters(mail: &Mail) -> Check {
    let state = match mail.state().await {
        Ok(state) => state,
        Err(error) => {
            let next_step = "look at the store first";
            return Check::found(ID, Finding::Bad, error.to_string(), next_step);
        }
    };
    let Some(server) = state.server.filter(|_| state.is_on) else {
        return Check::found(
            ID,
            Finding::Advice,
            "no mail is sent: nobody is told of a changed password or a new browser",
            "set mail.server and mail.from",
        );
    };
    if let Some(why) = state.trouble {
        return Check::found(
            ID,
            Finding::Bad,
            format!("{} letters wait: {why}", state.waiting),
            "`watchroom mail test` tells at once whether it is mended",
        );
    }
    if state.given_up > 0 {
        let because = state.given_up_because.unwrap_or_default();
        return Check::found(
            ID,
            Finding::Warning,
            format!(
                "{} letters were given up in the last 30 days: {because}",
                state.given_up
            ),
            "look at the addresses of the people concerned: `watchroom audit search --action mail.close`",
        );
    }
    if state.waiting_since.is_some_and(|since| mail.now() - since > LONG) {
        return Check::found(
            ID,
            Finding::Warning,
            format!("{} letters wait, some for more than an hour", state.waiting),
            "the log says what the server told of each",
        );
    }
    Check::good(ID, format!("by {server}, {} letters wait", state.waiting))
}
