//! The panel draws the pages of those who are turned away, whoever turns them away.

use std::sync::Arc;

use watchroom_panel::error_page;
use watchroom_shield::{Pages, Refused};
use watchroom_web::ProblemPage;

/// The panel's error page for refusals of the edge.
#[derive(Debug)]
pub(crate) struct PanelPages;

impl Pages for PanelPages {
    fn refusal(&self, refused: &Refused) -> String {
        let status = refused.why.status().as_u16();
        error_page(
            status,
            &refused.told.request_id.to_string(),
            "",
            &refused.why.public(),
            "",
        )
    }
}

/// The panel's error page for problems of handlers.
pub(crate) fn problem_page() -> ProblemPage {
    Arc::new(watchroom_panel::problem_page)
}
