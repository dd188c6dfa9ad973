//! Tasks for the HTTP/2 of the node's end.

use std::future::Future;

use hyper::rt::Executor;
use watchroom_kit::Tasks;

/// Runs hyper's own work inside the link's task group, so that it ends with the link.
#[derive(Clone)]
pub(crate) struct LinkExecutor(pub(crate) Tasks);

impl<F> Executor<F> for LinkExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, work: F) {
        // The group tracks and ends it; nobody waits for one piece of it.
        drop(self.0.spawn("link.http2", work));
    }
}
