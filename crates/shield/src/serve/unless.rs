//! A conversation, and what may interrupt it. The conversation is looked at whenever anything happens on it; what may
//! interrupt it only when that has something to say, or every request would pay for looking at a clock and at a lock that
//! all connections share.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::Either;

/// Rings when the interruption wants to be looked at, as often as it does.
struct Bell {
    rang: AtomicBool,
    task: Mutex<Waker>,
}

impl Bell {
    fn rings_for(&self, task: &Waker) {
        self.task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(task);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wake_by_ref();
    }
}

/// What comes first: the end of `work`, on the left, or of `interruption`, on the right. The work can go on afterwards.
pub(super) async fn unless<W, I>(mut work: Pin<&mut W>, interruption: I) -> Either<W::Output, I::Output>
where
    W: Future,
    I: Future,
{
    // It has a share of its own: work that uses up the task's, again and again, would keep it from ever saying a word.
    let mut interruption = pin!(tokio::task::coop::unconstrained(interruption));
    let bell = Arc::new(Bell {
        rang: AtomicBool::new(true),
        task: Mutex::new(Waker::noop().clone()),
    });
    let waker = Waker::from(Arc::clone(&bell));
    let mut known = Waker::noop().clone();
    poll_fn(move |context| {
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Either::Left(output));
        }
        let task = context.waker();
        if !known.will_wake(task) {
            bell.rings_for(task);
            known.clone_from(task);
        }
        // A ring from here on wakes the task, and is found by its next look.
        if bell.rang.load(Ordering::Relaxed) && bell.rang.swap(false, Ordering::Acquire) {
            let mut context = Context::from_waker(&waker);
            return interruption.as_mut().poll(&mut context).map(Either::Right);
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_interrupts_is_heard_as_often_as_it_stirs_while_the_work_waits() {
        let (ring, mut rung) = mpsc::channel::<u8>(1);
        let work = pin!(std::future::pending::<()>());
        let interruption = async {
            while let Some(number) = rung.recv().await {
                if number == 3 {
                    return number;
                }
            }
            0
        };
        let ringing = async {
            for number in 1..=3 {
                tokio::task::yield_now().await;
                ring.send(number).await.unwrap();
            }
        };
        let (outcome, ()) = tokio::join!(unless(work, interruption), ringing);
        assert!(matches!(outcome, Either::Right(3)));
    }

    #[tokio::test]
    async fn work_is_done_first_and_can_go_on_when_it_was_interrupted() {
        let mut work = pin!(async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            3
        });
        let outcome = unless(work.as_mut(), std::future::ready(1)).await;
        assert!(matches!(outcome, Either::Right(1)));
        let outcome = unless(work.as_mut(), std::future::pending::<()>()).await;
        assert!(matches!(outcome, Either::Left(3)));
        let mut work = pin!(std::future::ready(5));
        let outcome = unless(work.as_mut(), std::future::ready(1)).await;
        assert!(matches!(outcome, Either::Left(5)));
    }

    #[tokio::test]
    async fn work_that_takes_all_it_may_cannot_outshout_an_interruption() {
        let work = pin!(async {
            loop {
                tokio::task::coop::consume_budget().await;
            }
        });
        let interruption = tokio::time::sleep(std::time::Duration::from_millis(5));
        let outcome: Either<(), ()> = unless(work, interruption).await;
        assert!(matches!(outcome, Either::Right(())));
    }

    #[tokio::test]
    async fn an_interruption_with_nothing_to_say_is_not_looked_at_again() {
        let looks = Cell::new(0);
        let interruption = poll_fn(|_| {
            looks.set(looks.get() + 1);
            Poll::<()>::Pending
        });
        let mut work = pin!(async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
        unless(work.as_mut(), interruption).await;
        assert_eq!(looks.get(), 1);
    }
}
