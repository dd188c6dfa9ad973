//! A console over the link. When another link of the same agent takes over, the console goes over with it, at
//! the line where it was: whoever reads it notices nothing.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_model::{Asker, Inquiry, Look, ServerId};

use super::NodeLink;
use super::traffic::Passing;
use crate::{LinkError, wire};

/// A console as it comes over the link. It ends with an error if the link does.
pub type ConsoleStream = BoxStream<'static, Result<ConsoleEvent, LinkError>>;

impl NodeLink {
    /// Opens a server's console for somebody; without end while `follow`, else it ends with what there is.
    ///
    /// # Errors
    /// [`LinkError`]; the code `no_such_server` if the node keeps none of this id.
    pub async fn console(
        &self,
        asker: Asker,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<ConsoleStream, LinkError> {
        let wanted = Wanted {
            asker,
            server,
            from,
            follow,
        };
        let view = View::open(self, wanted).await?;
        let events = stream::unfold(Some(view), async |view| view?.next().await);
        Ok(events.boxed())
    }
}

#[derive(Clone)]
struct Wanted {
    asker: Asker,
    server: ServerId,
    from: ConsoleFrom,
    follow: bool,
}

/// A console that is being read.
struct View {
    passing: Passing,
    messages: tonic::Streaming<wire::ConsoleMessage>,
    /// What would have to be asked for to go on from here.
    rest: Wanted,
}

impl View {
    async fn open(link: &NodeLink, wanted: Wanted) -> Result<Self, LinkError> {
        let passing = Passing::over(link);
        let link = passing.link();
        let inquiry = Inquiry {
            look: Look::Console {
                server: wanted.server,
                from: wanted.from,
                follow: wanted.follow,
            },
            asker: wanted.asker.clone(),
        };
        let patience = link.shared().settings.call_patience;
        // Signed anew for each link that it is opened on.
        let request = link.signed(&inquiry, patience)?;
        let mut client = link.client();
        let opened = link.within(patience, false, client.console(request)).await?;
        Ok(Self {
            messages: opened.into_inner(),
            passing,
            rest: wanted,
        })
    }

    /// The next event and the view after it; without one if it is over.
    async fn next(mut self) -> Option<(Result<ConsoleEvent, LinkError>, Option<Self>)> {
        loop {
            let link = self.passing.link();
            let next = tokio::select! {
                biased;
                // A console that only gives what there is will be over soon.
                () = link.traffic().handed_over(), if self.rest.follow => {
                    match Self::open(link, self.rest.clone()).await {
                        Ok(view) => self = view,
                        Err(error) => return Some((Err(error), None)),
                    }
                    continue;
                }
                next = self.messages.message() => next,
                () = link.ended() => return Some((Err(link.lost(false)), None)),
            };
            let event = match next {
                Ok(Some(message)) => wire::answer(&message.event_json),
                Ok(None) => return None,
                Err(status) => return Some((Err(link.failed(&status, false)), None)),
            };
            if let Ok(event) = &event {
                self.rest.from = after(event).unwrap_or(self.rest.from);
            }
            return Some((event, Some(self)));
        }
    }
}

/// Where a console goes on after an event.
fn after(event: &ConsoleEvent) -> Option<ConsoleFrom> {
    let next = match event {
        ConsoleEvent::Lines(lines) => lines.last()?.offset + 1,
        ConsoleEvent::Skipped { to, .. } => *to,
    };
    Some(ConsoleFrom::Offset(next))
}
