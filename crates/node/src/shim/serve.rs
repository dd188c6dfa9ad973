//! The shim's loop: one thread around `poll(2)` for the server's pipes, its end, and the agents.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process_group, pidfd_open, waitpid,
};
use watchroom_kit::Clock;
use watchroom_model::StopSignal;
use watchroom_model::console::Source;

use super::clients::Client;
use super::input::{Input, Sent};
use super::outlet::{CHUNK, Outlet};
use super::papers::{Ended, Ending, Launch, Papers, Running};
use super::protocol::{Ask, Request, Tell, VERSION};
use crate::console::Writer;
use crate::process::{self, Kin};

/// How long to sleep when nothing happens; orphans of the server are reaped at least so often.
const IDLE: Duration = Duration::from_secs(30);
/// Looks for processes that outlived the server, 5 ms apart.
const LOOKS: u32 = 400;
/// How long the agent that started us may take to connect.
const FIRST_CLIENT: Duration = Duration::from_secs(2);
/// Agents served at once; a dead one's connection closes by itself.
const MOST_CLIENTS: usize = 8;

/// A shim at work.
#[derive(Debug)]
pub(super) struct Serve {
    launch: Launch,
    running: Running,
    clock: Clock,
    writer: Writer,
    server: Pid,
    watch: OwnedFd,
    out: Outlet,
    err: Outlet,
    input: Input,
    listener: UnixListener,
    clients: Vec<Client>,
    has_greeted: bool,
    buffer: Vec<u8>,
    lock: File,
}

/// What `poll` found, in the order of the descriptors.
struct Ready {
    has_ended: bool,
    is_called: bool,
    can_input: bool,
    out: bool,
    err: bool,
    clients: Vec<bool>,
}

impl Serve {
    /// Takes over a server that was just started.
    pub(super) fn new(
        launch: Launch,
        running: Running,
        mut child: Child,
        writer: Writer,
        listener: UnixListener,
        (clock, lock): (Clock, File),
    ) -> io::Result<Self> {
        let server = process::number(child.id()).ok_or(io::ErrorKind::InvalidInput)?;
        let watch = pidfd_open(server, PidfdFlags::empty())?;
        Ok(Self {
            launch,
            running,
            clock,
            writer,
            server,
            watch,
            out: Outlet::new(child.stdout.take().map(OwnedFd::from), Source::Stdout),
            err: Outlet::new(child.stderr.take().map(OwnedFd::from), Source::Stderr),
            input: Input::new(child.stdin.take()),
            listener,
            clients: Vec::new(),
            has_greeted: false,
            buffer: vec![0; CHUNK],
            lock,
        })
    }

    /// What runs.
    pub(super) fn running(&self) -> &Running {
        &self.running
    }

    /// Serves until the server has ended; says whether that could be recorded.
    pub(super) fn run(mut self, papers: &Papers) -> bool {
        let mut pause = IDLE;
        loop {
            let ready = self.wait(pause);
            if ready.is_called {
                self.welcome();
            }
            if ready.can_input {
                self.input.flush();
            }
            self.listen_to_clients(&ready.clients);
            self.read(ready.out, ready.err);
            if ready.has_ended {
                return self.end(papers);
            }
            self.reap_orphans();
            pause = self.announce();
        }
    }

    fn wait(&self, pause: Duration) -> Ready {
        let mut fds = vec![
            PollFd::new(&self.watch, PollFlags::IN),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        let optional = [
            self.input.wanting().map(|pipe| PollFd::new(pipe, PollFlags::OUT)),
            self.out.pipe().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
            self.err.pipe().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        ];
        let present = optional.each_ref().map(Option::is_some);
        fds.extend(optional.into_iter().flatten());
        fds.extend(self.clients.iter().map(|client| {
            let events = if client.is_behind() {
                PollFlags::IN | PollFlags::OUT
            } else {
                PollFlags::IN
            };
            PollFd::from_borrowed_fd(client.fd(), events)
        }));
        let timeout = Timespec::try_from(pause).ok();
        if poll(&mut fds, timeout.as_ref()).is_err() {
            // Interrupted, or the machine is short of memory: look again, but never spin.
            std::thread::sleep(Duration::from_millis(1));
            fds.iter_mut().for_each(PollFd::clear_revents);
        }
        let mut found = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = move || found.next().unwrap_or(false);
        let (has_ended, is_called) = (next(), next());
        let [can_input, out, err] = present.map(|is_present| is_present && next());
        let clients = self.clients.iter().map(|_| next()).collect();
        Ready {
            has_ended,
            is_called,
            can_input,
            out,
            err,
            clients,
        }
    }

    fn welcome(&mut self) {
        let hello = Tell::Hello {
            version: VERSION,
            running: self.running.clone(),
            next_offset: self.writer.next_offset(),
        };
        while let Ok((stream, _)) = self.listener.accept() {
            if self.clients.len() >= MOST_CLIENTS {
                self.clients.remove(0);
            }
            self.clients.extend(Client::greet(stream, &hello).ok());
            self.has_greeted = true;
        }
    }

    fn listen_to_clients(&mut self, ready: &[bool]) {
        let mut clients = std::mem::take(&mut self.clients);
        let mut ready = ready.iter().copied().chain(std::iter::repeat(true));
        clients.retain_mut(|client| !ready.next().unwrap_or(true) || self.serve(client).is_ok());
        self.clients = clients;
    }

    fn serve(&mut self, client: &mut Client) -> io::Result<()> {
        for Ask { seq, what } in client.asks()? {
            let refused = self.answer(what).err();
            client.tell(&Tell::Answer { seq, refused })?;
        }
        client.flush()
    }

    fn answer(&mut self, what: Request) -> Result<(), String> {
        let now = self.clock.now_micros();
        match what {
            Request::Line { key, text } => {
                if self.input.send(&key, &text)? == Sent::Now {
                    self.writer.line(Source::Input, now, &text);
                    self.writer.flush(now);
                }
            }
            Request::Note { text } => {
                self.writer.line(Source::System, now, &text);
                self.writer.flush(now);
            }
            Request::Signal { signal } => self.signal(signal_of(signal))?,
            Request::Kill => {
                self.signal(Signal::KILL)?;
                self.kin().end(LOOKS);
            }
        }
        Ok(())
    }

    /// The server's processes, wherever they went.
    fn kin(&self) -> Kin {
        Kin {
            run: self.running.run,
            uid: self.launch.own_uid(),
        }
    }

    /// Signals the whole group. The server is not waited for yet, so its number is still its own.
    fn signal(&self, signal: Signal) -> Result<(), String> {
        kill_process_group(self.server, signal)
            .map_err(|errno| format!("the signal could not be sent: {errno}"))
    }

    fn read(&mut self, out: bool, err: bool) {
        let now = self.clock.now_micros();
        if out {
            self.out.read(&mut self.buffer, &mut self.writer, now);
        }
        if err {
            self.err.read(&mut self.buffer, &mut self.writer, now);
        }
        if self.writer.gathered() > 0 {
            self.writer.flush(now);
        }
    }

    /// Tells agents how far the console is; says how long to sleep at most.
    fn announce(&mut self) -> Duration {
        let (next, now) = (self.writer.next_offset(), self.clock.elapsed());
        let mut pause = IDLE;
        self.clients.retain_mut(|client| {
            let told = client.announce(next, now).and_then(|wait| {
                pause = pause.min(wait.unwrap_or(IDLE));
                client.flush()
            });
            told.is_ok()
        });
        pause
    }

    /// Waits for what the server left to us, so that no zombies pile up. The server itself is not touched.
    fn reap_orphans(&self) {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while let Ok(Some(_)) = waitid(WaitId::All, peek) {
            // The pidfd says whether it is the server that ended; then its own path waits for it.
            let mut fds = [PollFd::new(&self.watch, PollFlags::IN)];
            let is_server = poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
            if is_server || !matches!(waitpid(None, WaitOptions::NOHANG), Ok(Some(_))) {
                return;
            }
        }
    }

    /// The server has ended: end what it left, keep its last words, record how it was.
    fn end(mut self, papers: &Papers) -> bool {
        // Before waiting: until then nobody else can have its number, nor its group's.
        let _ = kill_process_group(self.server, Signal::KILL);
        let status = waitpid(Some(self.server), WaitOptions::empty())
            .ok()
            .flatten()
            .map(|(_, status)| status);
        self.kin().end(LOOKS);
        self.drain();
        while let Ok(Some(_)) = waitpid(None, WaitOptions::NOHANG) {}
        let now = self.clock.now_micros();
        self.out.close(&mut self.writer, now);
        self.err.close(&mut self.writer, now);
        let ending = status.map_or(Ending::Orphaned, ending_of);
        self.writer.line(Source::System, now, &remark(&ending));
        self.writer.flush(now);
        let ended = Ended {
            run: self.running.run,
            ending,
            at: self.clock.now(),
        };
        // A disk that refuses now may take it a second later, and an agent may be told meanwhile.
        let is_recorded = (0..5).any(|attempt| {
            let recorded = self.writer.sync().and_then(|()| papers.write_ended(&ended));
            std::thread::sleep(Duration::from_secs(u64::from(recorded.is_err() && attempt < 4)));
            recorded.is_ok()
        });
        self.await_first_client();
        // A socket that stays is replaced by the next shim. All is let go before anybody is told, because
        // an agent that is told may start the next shim at once.
        drop(fs::remove_file(&self.launch.socket));
        drop(self.writer);
        drop(self.lock);
        for client in self.clients {
            client.part(&Tell::Ended(ended.clone()));
        }
        is_recorded
    }

    /// A server that ended at once is still announced to the agent that is just about to connect.
    fn await_first_client(&mut self) {
        if !self.has_greeted {
            let mut fds = [PollFd::new(&self.listener, PollFlags::IN)];
            // Without one, the agent died meanwhile; the next reads the record.
            let _ = poll(&mut fds, Timespec::try_from(FIRST_CLIENT).ok().as_ref());
            self.welcome();
        }
    }

    /// Reads on until both pipes have ended, for a second at most: everybody who could write is dead.
    fn drain(&mut self) {
        let until = self.clock.elapsed() + Duration::from_secs(1);
        while (self.out.pipe().is_some() || self.err.pipe().is_some()) && self.clock.elapsed() < until {
            let before = self.writer.next_offset();
            self.read(true, true);
            if self.writer.next_offset() == before {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn ending_of(status: WaitStatus) -> Ending {
    let signal = status.terminating_signal();
    signal.map_or(
        Ending::Exited {
            code: status.exit_status().unwrap_or(0),
        },
        |signal| Ending::Signalled { signal },
    )
}

fn remark(ending: &Ending) -> String {
    match ending {
        Ending::Exited { code } => format!("exited with code {code}"),
        Ending::Signalled { signal } => format!("ended by signal {signal}"),
        Ending::CannotStart { why, .. } => format!("cannot start: {why}"),
        Ending::Orphaned | Ending::Reboot => "ended; nobody saw how".into(),
    }
}

fn signal_of(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Int => Signal::INT,
        StopSignal::Hup => Signal::HUP,
        StopSignal::Quit => Signal::QUIT,
    }
}
