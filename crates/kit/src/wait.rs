//! Waiting where there is no `await`: for a library that calls us, and for foreign code.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Waits on this thread. If it is one of the runtime's, another one takes its other work over meanwhile.
///
/// Each wait keeps a thread, so that whoever waits must see to it that few do. A runtime of a single thread, as in commands
/// and tests, stands still; so do other branches of the same task.
pub fn wait_here<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::Tasks;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_runtime_of_one_worker_goes_on_while_somebody_waits() {
        let (tell, hear) = channel();
        let tasks = Tasks::new();
        let waits = tasks.spawn("waits", async move { wait_here(|| hear.recv()).unwrap() });
        let tells = tasks.spawn("tells", async move { tell.send(()).unwrap() });
        waits.await.unwrap();
        tells.await.unwrap();
    }

    #[tokio::test]
    async fn in_a_runtime_of_one_thread_and_in_none_it_just_waits() {
        assert_eq!(wait_here(|| 1), 1);
        assert_eq!(std::thread::spawn(|| wait_here(|| 2)).join().unwrap(), 2);
    }
}
