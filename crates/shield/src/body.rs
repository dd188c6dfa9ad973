//! The body of a request under guard: never more than its limit, never slower than it may be, and all of
//! them together never more than fits in memory.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::{Config, RouteClass, Why};

/// How long a body may dawdle before its rate is looked at.
const GRACE: Duration = Duration::from_secs(5);
/// A body whose route has no deadline of its own.
const NO_DEADLINE: Duration = Duration::from_secs(86_400 * 365);

/// Why a body ended early. The edge then answers, whatever the handler makes of it.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the route takes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// With those of others that are being read it is more than is held at once.
    #[error("too much of all bodies is being read at once")]
    Crowded,
    /// The connection broke.
    #[error("the connection broke while the body was read: {0}")]
    Broken(#[source] axum::BoxError),
}

/// What went wrong with a body, seen from outside the handler that was reading it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble(Arc<AtomicU8>);

const LARGE: u8 = 1;
const SLOW: u8 = 2;
const CROWDED: u8 = 3;

impl Trouble {
    pub(crate) fn why(&self, limit: usize) -> Option<Why> {
        match self.0.load(Ordering::Relaxed) {
            LARGE => Some(Why::BodyTooLarge { limit }),
            SLOW => Some(Why::BodyTooSlow),
            CROWDED => Some(Why::Overloaded),
            _ => None,
        }
    }
}

/// Bytes that have come of bodies that are being read, those of all requests together. What a handler keeps of a body that it
/// has read is its own affair.
#[derive(Debug, Default)]
pub(crate) struct Held(AtomicUsize);

/// A guarded body.
pub(crate) struct GuardedBody<B> {
    body: B,
    limit: usize,
    received: usize,
    pace: Pace,
    alarm: Pin<Box<Sleep>>,
    trouble: Trouble,
    held: Arc<Held>,
    most_held: usize,
}

/// How fast a body must come.
#[derive(Clone, Copy, Debug)]
struct Pace {
    began: Instant,
    whole: Duration,
    floor_per_s: u64,
}

impl Pace {
    /// When patience ends, given what has come so far.
    fn deadline(&self, received: usize) -> Instant {
        let earned_ms = (received as u64)
            .saturating_mul(1_000)
            .checked_div(self.floor_per_s);
        let by_rate = earned_ms.map_or(NO_DEADLINE, |earned| {
            GRACE + Duration::from_millis(earned).min(NO_DEADLINE)
        });
        self.began + by_rate.min(self.whole)
    }
}

impl<B> GuardedBody<B> {
    pub(crate) fn new(
        body: B,
        limit: usize,
        class: RouteClass,
        config: &Config,
        held: Arc<Held>,
    ) -> (Self, Trouble) {
        let trouble = Trouble::default();
        let whole = if class == RouteClass::Stream {
            NO_DEADLINE
        } else {
            Duration::from_secs(config.body_read_s)
        };
        let pace = Pace {
            began: Instant::now(),
            whole,
            floor_per_s: config.body_floor_per_s,
        };
        let alarm = Box::pin(tokio::time::sleep_until(pace.deadline(0)));
        (
            Self {
                body,
                limit,
                received: 0,
                pace,
                alarm,
                trouble: trouble.clone(),
                held,
                most_held: config.bodies_bytes,
            },
            trouble,
        )
    }

    fn fail(&self, mark: u8, error: BodyError) -> Option<Result<Frame<Bytes>, BodyError>> {
        self.trouble.0.store(mark, Ordering::Relaxed);
        Some(Err(error))
    }

    /// Makes room for others.
    fn release(&mut self) {
        self.held
            .0
            .fetch_sub(mem::take(&mut self.received), Ordering::Relaxed);
    }

    /// Whether patience is over; if not, wakes this task when it may be.
    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(context).is_ready() {
            let deadline = self.pace.deadline(self.received);
            if deadline <= Instant::now() {
                return true;
            }
            self.alarm.as_mut().reset(deadline);
        }
        false
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body + Unpin,
    B::Data: Buf,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            return if this.is_overdue(context) {
                Poll::Ready(this.fail(SLOW, BodyError::TooSlow))
            } else {
                Poll::Pending
            };
        };
        let frame = match frame {
            Some(Ok(frame)) => frame.map_data(|mut data| data.copy_to_bytes(data.remaining())),
            Some(Err(error)) => return Poll::Ready(Some(Err(BodyError::Broken(error.into())))),
            None => return Poll::Ready(None),
        };
        let came = frame.data_ref().map_or(0, Bytes::len);
        this.received += came;
        let held = this.held.0.fetch_add(came, Ordering::Relaxed) + came;
        if this.received > this.limit {
            return Poll::Ready(this.fail(LARGE, BodyError::TooLarge(this.limit)));
        }
        if held > this.most_held {
            this.release();
            return Poll::Ready(this.fail(CROWDED, BodyError::Crowded));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for GuardedBody<B> {
    fn drop(&mut self) {
        self.release();
    }
}

/// The body of an answer that has no end of its own: ends when `stop` does, so that a stopping service can
/// say good-bye instead of breaking off.
pub(crate) struct EndingBody<F> {
    body: axum::body::Body,
    stop: Pin<Box<F>>,
}

impl<F> EndingBody<F> {
    pub(crate) fn new(body: axum::body::Body, stop: F) -> Self {
        Self {
            body,
            stop: Box::pin(stop),
        }
    }
}

impl<F: Future<Output = ()>> Body for EndingBody<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.stop.as_mut().poll(context));
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn config() -> Config {
        Config {
            body_read_s: 30,
            body_floor_per_s: 100,
            ..Config::default()
        }
    }

    /// A body of one byte every `every`.
    fn dripping(every: Duration) -> impl Body<Data = Bytes, Error = std::convert::Infallible> + Unpin {
        StreamBody::new(Box::pin(futures_util::stream::unfold((), move |()| async move {
            tokio::time::sleep(every).await;
            Some((Ok(Frame::data(Bytes::from_static(b"x"))), ()))
        })))
    }

    async fn outcome(
        body: impl Body<Data = Bytes, Error = std::convert::Infallible> + Unpin,
        limit: usize,
    ) -> (Option<Why>, Duration) {
        let began = Instant::now();
        let (body, trouble) = GuardedBody::new(body, limit, RouteClass::Change, &config(), Arc::default());
        drop(body.collect().await);
        (trouble.why(limit), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_cut_at_its_limit_and_at_its_floor_rate_and_at_its_deadline() {
        let full = || Full::new(Bytes::from_static(b"0123456789"));
        assert_eq!(outcome(full(), 10).await.0, None);
        assert_eq!(outcome(full(), 9).await.0, Some(Why::BodyTooLarge { limit: 9 }));
        let (why, took) = outcome(dripping(Duration::from_millis(500)), 1 << 20).await;
        assert_eq!((why, took.as_secs()), (Some(Why::BodyTooSlow), 5));
        let (why, took) = outcome(dripping(Duration::from_millis(1)), 1 << 20).await;
        assert_eq!((why, took.as_secs()), (Some(Why::BodyTooSlow), 30));
    }

    #[tokio::test]
    async fn bodies_together_are_no_more_than_fits() {
        let held = Arc::new(Held::default());
        let config = Config {
            bodies_bytes: 15,
            ..config()
        };
        let body = || {
            let ten = Full::new(Bytes::from_static(b"0123456789"));
            GuardedBody::new(ten, 10, RouteClass::Change, &config, Arc::clone(&held))
        };
        let ((mut first, _), (second, why), (third, _)) = (body(), body(), body());
        first.frame().await.unwrap().unwrap();
        assert!(matches!(second.collect().await, Err(BodyError::Crowded)));
        assert_eq!(why.why(10), Some(Why::Overloaded));
        drop(first);
        assert_eq!(third.collect().await.unwrap().to_bytes(), "0123456789");
        assert_eq!(held.0.load(Ordering::Relaxed), 0);
    }
}
