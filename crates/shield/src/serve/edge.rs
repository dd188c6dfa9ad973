//! The byte stream under hyper: answers in our own words where hyper would answer by itself, and lets a sender
//! hear a refusal before the connection is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use http::StatusCode;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::outgoing::Outgoing;
use super::unread;
use crate::connections::Place;
use crate::{Peer, Shield, Why};

/// How long, and for how many bytes, a sender that was refused is listened to before the connection is closed.
/// Closing at once would reset it, and the refusal could be lost on the way.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 8 << 20;
/// So often in the time that a connection may rest it is looked whether it does.
const LOOKS: u32 = 8;

/// What a connection's requests are doing, as far as its byte stream must know.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Requests that were ever handed to the service.
    calls: AtomicU64,
    /// Requests whose answer is not wholly written into hyper's buffer.
    busy: AtomicUsize,
    /// What was written is not flushed: a receiver is still taking it.
    is_taking: AtomicBool,
    /// A request was refused while its sender was still sending.
    lingers: AtomicBool,
    /// Bytes of answers that are to be written, and of those that were, on a connection of HTTP/2.
    owed: AtomicU64,
    paid: AtomicU64,
}

impl Pulse {
    /// Ends when nothing has been asked for `rest`, which is also the time there is until the first request; then
    /// whether there was one. Pings, and headers that never end, are no requests.
    ///
    /// It looks now and then, so that a request costs nothing here: a connection may rest for an eighth longer, or for as long
    /// again if an answer was under way when it looked.
    pub(super) async fn rests(&self, rest: Duration) -> bool {
        let (mut known, mut quiet) = (0, 0);
        loop {
            let is_busy = self.is_busy();
            tokio::time::sleep(if is_busy { rest } else { rest / LOOKS }).await;
            let calls = self.calls.load(Ordering::Acquire);
            let is_quiet = !is_busy && !self.is_busy() && calls == known;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if quiet == LOOKS {
                return calls > 0;
            }
            known = calls;
        }
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire) > 0 || self.is_taking.load(Ordering::Acquire)
    }

    /// Ends when whoever should take answers has hardly taken any of them for `patience`: less than `floor_per_s`
    /// of what there was to take. HTTP/2 needs this, since there a receiver can hold back its answers while the
    /// connection below moves on.
    ///
    /// What a client has given up counts as owed for good. Its connection then ends when it rests, and it opens another.
    pub(super) async fn stalls(&self, patience: Duration, floor_per_s: u64) {
        let enough = patience.as_secs().saturating_mul(floor_per_s).max(1);
        let (mut owed, mut paid) = (0, 0);
        loop {
            tokio::time::sleep(patience).await;
            let paid_now = self.paid.load(Ordering::Relaxed);
            if owed > 0 && paid_now - paid < enough.min(owed) {
                return;
            }
            owed = self.owed.load(Ordering::Relaxed).saturating_sub(paid_now);
            paid = paid_now;
        }
    }
}

/// A byte stream that minds what hyper says by itself.
///
/// Whenever hyper flushes, its buffer is empty; if no answer is under way then, and no request is handed to the
/// service until the next write, that write can only be an error hyper made up. It is replaced by ours.
pub(super) struct Edge<I> {
    stream: I,
    pulse: Arc<Pulse>,
    shield: Shield,
    peer: Peer,
    /// Freed with the stream, also when it is upgraded to something else.
    _place: Option<Place>,
    /// The number of calls at the last flush with nothing under way.
    quiet_at: Option<u64>,
    /// What of the bytes written is answers, if they are in frames.
    frames: Option<Outgoing>,
    /// Our words in place of hyper's, and how many of hyper's bytes they stand for.
    own_words: Option<(Bytes, usize)>,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
    /// When patience ends with a receiver that takes nothing, and how long it lasts.
    stall: Option<Pin<Box<Sleep>>>,
    patience: Duration,
}

impl<I> Edge<I> {
    pub(super) fn new(
        stream: I,
        pulse: Arc<Pulse>,
        shield: Shield,
        peer: Peer,
        place: Option<Place>,
        is_h2: bool,
    ) -> Self {
        let patience = Duration::from_secs(shield.rules().config.body_read_s);
        Self {
            stream,
            pulse,
            shield,
            peer,
            _place: place,
            quiet_at: Some(0),
            frames: is_h2.then(Outgoing::default),
            own_words: None,
            linger: None,
            stall: None,
            patience,
        }
    }

    /// Our answer in place of one that hyper made up, if `written` is one.
    fn in_our_words(&self, written: &[u8]) -> Option<Bytes> {
        let is_made_up = self.quiet_at == Some(self.pulse.calls.load(Ordering::Acquire));
        let status = written
            .strip_prefix(b"HTTP/1.1 ")
            .filter(|_| is_made_up)?
            .get(..3)?;
        let status = StatusCode::from_bytes(status)
            .ok()
            .filter(StatusCode::is_client_error)?;
        let why = match status {
            StatusCode::URI_TOO_LONG => Why::UriTooLong,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Why::HeadersTooLarge,
            status => Why::Malformed(status),
        };
        self.pulse.lingers.store(true, Ordering::Release);
        Some(unread::refuse(&self.shield, why, &self.peer))
    }

    /// An answer may be whole in hyper's buffer long before it is taken. With HTTP/2, where anything may be written at any time,
    /// [`Pulse::stalls`] minds that.
    fn begin_to_write(&mut self) {
        self.quiet_at = None;
        if self.frames.is_none() {
            self.pulse.is_taking.store(true, Ordering::Release);
        }
    }

    /// Counts what of the bytes that were written is answers.
    fn count(&mut self, slices: &[IoSlice<'_>], progress: &Poll<io::Result<usize>>) {
        let (Some(frames), Poll::Ready(Ok(written))) = (&mut self.frames, progress) else {
            return;
        };
        let mut left = *written;
        let mut paid = 0;
        for slice in slices {
            let (part, _) = slice.split_at(left.min(slice.len()));
            paid += frames.written(part);
            left -= part.len();
        }
        self.pulse.paid.fetch_add(paid, Ordering::Relaxed);
    }

    /// Gives up on a receiver that has taken nothing for too long.
    fn unless_stalled<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stall = None;
            return progress;
        }
        let patience = self.patience;
        let alarm = self
            .stall
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(alarm.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncWrite + Unpin> Edge<I> {
    /// Writes our words, and reports hyper's as written when they are out.
    fn poll_own_words(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some((mut words, stands_for)) = self.own_words.take() {
            if words.is_empty() {
                self.quiet_at = None;
                return Poll::Ready(Ok(stands_for));
            }
            let progress = Pin::new(&mut self.stream).poll_write(context, &words);
            let progress = self.unless_stalled(context, progress);
            if let Poll::Ready(Ok(written)) = &progress {
                words.advance(*written);
            }
            self.own_words = Some((words, stands_for));
            if ready!(progress)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(0))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Edge<I> {
    /// Reads on, for a while, what a refused sender is still sending.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (alarm, left) = self
            .linger
            .get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES));
        let mut scrap = [0; 16 * 1024];
        loop {
            if *left == 0 || alarm.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *left = left.saturating_sub(buffer.filled().len()),
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Edge<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Edge<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.own_words.is_none() {
            this.own_words = this.in_our_words(bytes).map(|words| (words, bytes.len()));
        }
        if this.own_words.is_some() {
            return this.poll_own_words(context);
        }
        this.begin_to_write();
        let progress = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.count(&[IoSlice::new(bytes)], &progress);
        this.unless_stalled(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let first = slices.iter().find(|slice| !slice.is_empty());
        if this.own_words.is_none()
            && let Some(first) = first
        {
            this.own_words = this.in_our_words(first).map(|words| (words, first.len()));
        }
        if this.own_words.is_some() {
            return this.poll_own_words(context);
        }
        this.begin_to_write();
        let progress = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.count(slices, &progress);
        this.unless_stalled(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_quiet = self.pulse.busy.load(Ordering::Acquire) == 0;
        self.quiet_at = is_quiet.then(|| self.pulse.calls.load(Ordering::Acquire));
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        if progress.is_ready() {
            self.pulse.is_taking.store(false, Ordering::Release);
        }
        self.unless_stalled(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        if this.pulse.lingers.load(Ordering::Acquire) {
            ready!(this.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

/// Marks a request as under way, from its arrival until its answer is written into hyper's buffer.
pub(super) struct Busy(Arc<Pulse>);

impl Busy {
    pub(super) fn begin(pulse: &Arc<Pulse>) -> Self {
        pulse.busy.fetch_add(1, Ordering::Release);
        pulse.calls.fetch_add(1, Ordering::Release);
        Self(Arc::clone(pulse))
    }

    /// The request was refused while its sender was still sending.
    pub(super) fn linger(&self) {
        self.0.lingers.store(true, Ordering::Release);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Release);
    }
}

/// The body of an answer; while it lives, its connection is busy.
pub(super) struct AnswerBody {
    body: Body,
    busy: Busy,
    /// Bytes that are owed already and did not come yet.
    announced: u64,
}

impl AnswerBody {
    pub(super) fn new(body: Body, busy: Busy) -> Self {
        let announced = http_body::Body::size_hint(&body).exact().unwrap_or(0);
        busy.0.owed.fetch_add(announced, Ordering::Relaxed);
        Self {
            body,
            busy,
            announced,
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.busy.0.owed.fetch_sub(self.announced, Ordering::Relaxed);
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            let length = data.map_or(0, |data| data.len() as u64);
            let unannounced = length.saturating_sub(self.announced);
            self.announced -= length - unannounced;
            self.busy.0.owed.fetch_add(unannounced, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
