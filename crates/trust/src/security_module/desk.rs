//! The desk: one thread that alone has to do with something that may be slow, and the queue before it.
//!
//! A library of PKCS #11 is foreign code that may take seconds or never come back. So nobody else enters it, whoever asks
//! waits for a limited time, and while it has kept one waiting for longer than that, others are refused at once.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use watchroom_kit::wait_here;

use super::ModuleError;

/// How many may wait. Each of them keeps a thread, and the last one of a slow module waits in vain anyway.
const PLACES: usize = 32;
/// How long the end waits for what is being done: a library that is unloaded in the middle takes the process with it.
const FAREWELL: Duration = Duration::from_secs(2);

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Whoever has one can ask; with the last the thread ends.
pub(super) struct Desk<T> {
    jobs: Option<SyncSender<Job<T>>>,
    progress: Arc<Mutex<Progress>>,
    ended: Mutex<Receiver<()>>,
}

/// Which job is being done, counted; and which one somebody has waited for in vain.
#[derive(Default)]
struct Progress {
    count: u64,
    present: Option<u64>,
    late: Option<u64>,
}

impl<T: Send + 'static> Desk<T> {
    /// Starts the thread, which makes and keeps the thing.
    pub(super) fn start(thing: impl FnOnce() -> T + Send + 'static) -> Result<Self, ModuleError> {
        let (jobs, waiting) = sync_channel::<Job<T>>(PLACES);
        let (end, ended) = sync_channel(0);
        let progress = Arc::new(Mutex::new(Progress::default()));
        let seen = Arc::clone(&progress);
        let run = move || {
            let mut thing = thing();
            while let Ok(job) = waiting.recv() {
                {
                    let mut progress = locked(&seen);
                    progress.count += 1;
                    progress.present = Some(progress.count);
                }
                job(&mut thing);
                locked(&seen).present = None;
            }
            drop(thing);
            drop(end);
        };
        let thread = thread::Builder::new().name("security-module".to_owned());
        let started = thread.spawn(run);
        started.map_err(|error| ModuleError::Failed(format!("there is no thread for it: {error}")))?;
        Ok(Self {
            jobs: Some(jobs),
            progress,
            ended: Mutex::new(ended),
        })
    }

    /// Has something done, and waits for it. What is begun is brought to its end though nobody waits any more; what is not
    /// is left.
    pub(super) fn ask<A: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut T) -> Result<A, ModuleError> + Send + 'static,
    ) -> Result<A, ModuleError> {
        if locked(&self.progress).is_late() {
            return Err(ModuleError::NoAnswer);
        }
        let (answer, answered) = sync_channel(1);
        let asker = Arc::new(());
        let asks = Arc::downgrade(&asker);
        let job: Job<T> = Box::new(move |thing| {
            if asks.strong_count() > 0 {
                // Whoever asked may have gone meanwhile.
                drop(answer.try_send(work(thing)));
            }
        });
        let gone = || ModuleError::Failed("its thread has ended; restart the Host".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => ModuleError::Busy,
            TrySendError::Disconnected(_) => gone(),
        })?;
        wait_here(|| answered.recv_timeout(patience)).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                let mut progress = locked(&self.progress);
                progress.late = progress.present;
                ModuleError::NoAnswer
            }
            RecvTimeoutError::Disconnected => gone(),
        })?
    }
}

impl Progress {
    /// Whether the job that somebody has waited for in vain is still being done.
    fn is_late(&self) -> bool {
        self.late.is_some() && self.late == self.present
    }
}

impl<T> Drop for Desk<T> {
    fn drop(&mut self) {
        self.jobs = None;
        if !locked(&self.progress).is_late() {
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            if ended.recv_timeout(FAREWELL) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!("the security module was left before it had answered");
            }
        }
    }
}

fn locked(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    type Notes = Vec<&'static str>;

    /// A desk whose thread is at work on something until the channel says so, for somebody who waits.
    fn kept_busy() -> (Arc<Desk<Notes>>, SyncSender<()>) {
        let desk = Arc::new(Desk::start(Notes::new).unwrap());
        let (go_on, wait) = sync_channel::<()>(1);
        let (begun, here) = (Arc::new(Barrier::new(2)), Arc::clone(&desk));
        let work = {
            let begun = Arc::clone(&begun);
            move |_: &mut Notes| {
                begun.wait();
                wait.recv().unwrap();
                Ok(())
            }
        };
        drop(thread::spawn(move || here.ask(LONG, work)));
        begun.wait();
        (desk, go_on)
    }

    #[test]
    fn one_that_does_not_come_back_costs_one_its_patience_and_the_others_nothing() {
        let (desk, go_on) = kept_busy();
        assert_eq!(desk.ask(SHORT, |_| Ok(())), Err(ModuleError::NoAnswer));
        // With this patience the test would not end if it were waited for.
        assert_eq!(desk.ask(LONG * 60, |_| Ok(())), Err(ModuleError::NoAnswer));
        go_on.send(()).unwrap();
        while desk.ask(LONG, |_| Ok(())).is_err() {}
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let (desk, go_on) = kept_busy();
        let given_up = desk.ask(SHORT, |done| {
            done.push("given up");
            Ok(())
        });
        assert_eq!(given_up, Err(ModuleError::NoAnswer));
        go_on.send(()).unwrap();
        let done = loop {
            if let Ok(done) = desk.ask(LONG, |done| Ok(done.clone())) {
                break done;
            }
        };
        assert!(done.is_empty(), "{done:?}");
    }

    #[test]
    fn the_queue_has_an_end() {
        let (desk, go_on) = kept_busy();
        let all: Vec<_> = thread::scope(|scope| {
            let asks: Vec<_> = (0..PLACES * 2)
                .map(|_| scope.spawn(|| desk.ask(Duration::from_millis(500), |_| Ok(()))))
                .collect();
            asks.into_iter().map(|ask| ask.join().unwrap()).collect()
        });
        assert!(all.contains(&Err(ModuleError::Busy)), "{all:?}");
        assert!(all.contains(&Err(ModuleError::NoAnswer)), "{all:?}");
        go_on.send(()).unwrap();
    }
}
