//! Error pages: what happened, what to do next, and the id under which the log has the detail.

use askama::Template;

use super::{Sheet, Theme, sentence};
use crate::text::{EN, Text};

/// A page that says why there is no page.
#[derive(Debug, Template)]
#[template(path = "pages/error.html")]
pub(crate) struct ErrorPage {
    sheet: Sheet,
    t: &'static Text,
    status: u16,
    request_id: String,
    detail: String,
    next_step: String,
}

/// An error page as HTML: for refusals of the shield, of handlers and of the router alike.
///
/// All texts are escaped. An empty `next_step` leads to what usually helps at that status.
#[must_use]
pub fn error_page(status: u16, request_id: &str, title: &str, detail: &str, next_step: &str) -> String {
    let next_step = if next_step.is_empty() {
        usual_step(status)
    } else {
        next_step
    };
    let page = ErrorPage {
        sheet: Sheet::new(
            if title.is_empty() {
                usual_title(status)
            } else {
                title
            },
            Theme::System,
        ),
        t: &EN,
        status,
        request_id: request_id.to_owned(),
        // The shield's refusals come as clauses.
        detail: sentence(detail),
        next_step: next_step.to_owned(),
    };
    // Rendering into a string fails only if a value's own text form does; then a bare line is still an answer.
    page.render().unwrap_or_else(|_| EN.error_bare.to_owned())
}

fn usual_title(status: u16) -> &'static str {
    match status {
        400 => EN.error_400,
        401 => EN.error_401,
        403 => EN.error_403,
        404 => EN.error_404,
        405 => EN.error_405,
        409 => EN.error_409,
        413 => EN.error_413,
        423 => EN.error_423,
        429 => EN.error_429,
        503 | 504 => EN.error_503,
        _ => EN.error_500,
    }
}

fn usual_step(status: u16) -> &'static str {
    match status {
        400 | 409 | 413 => EN.error_step_back,
        401 => EN.error_step_sign_in,
        403 => EN.error_step_ask,
        404 => EN.error_step_overview,
        405 => EN.error_step_anew,
        423 | 429 | 503 | 504 => EN.error_step_wait,
        _ => EN.error_step_log,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_says_what_to_do_and_shows_the_request_id() {
        for status in [400, 403, 404, 405, 429, 500, 503] {
            let page = error_page(status, "0199-abc", "", "", "");
            assert!(
                page.contains("0199-abc") && page.contains(usual_step(status)),
                "{status}"
            );
            assert!(page.contains(&format!(">{status}<")), "{status}");
        }
    }

    #[test]
    fn what_was_asked_for_is_shown_harmlessly() {
        let page = error_page(
            404,
            "<b>",
            "<script>alert(1)</script>",
            "no <img src=x onerror=y>",
            "\"'",
        );
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("<b>"));
    }
}
