//! The counters that replicas share: when they go away, and when they are back, stands in the audit log.

use std::time::Duration;

use watchroom_kit::Ambient;
use watchroom_records::Records;
use watchroom_shield::Shield;

/// The part of `/readyz` that they are.
const PART: &str = "limits";
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// Counters that come and go leave one entry in this time, and at the start they have it to come.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Looks at them until the tasks stop; not at all where none are shared.
pub(crate) fn follow(shield: &Shield, records: &Records, ambient: &Ambient) {
    if !shield.limits().are_shared() {
        return;
    }
    let (shield, records, clock) = (shield.clone(), records.clone(), ambient.clock.clone());
    ambient.tasks.spawn("follow-counters", async move {
        let mut told = Told::nothing(clock.elapsed());
        loop {
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            let noted = match told.news(shield.limits().trouble(), clock.elapsed()) {
                None => continue,
                Some(News::Away(why)) => records.note_trouble(PART, why).await,
                Some(News::Back) => records.note_recovery(PART).await,
            };
            if let Err(error) = &noted {
                tracing::error!(%error, "that shared counters went away or came back could not be written to the audit log");
            }
            told.tried(noted.is_ok(), clock.elapsed());
        }
    });
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Away(String),
    Back,
}

/// What was told last, and from when on, in the Host's time, more may be.
struct Told {
    is_away: bool,
    quiet_until: Duration,
}

impl Told {
    fn nothing(now: Duration) -> Self {
        Self {
            is_away: false,
            quiet_until: now + TOLD_EVERY,
        }
    }

    fn news(&self, trouble: Option<String>, now: Duration) -> Option<News> {
        match (self.is_away, trouble) {
            _ if now < self.quiet_until => None,
            (false, Some(why)) => Some(News::Away(why)),
            (true, None) => Some(News::Back),
            (false, None) | (true, Some(_)) => None,
        }
    }

    fn tried(&mut self, is_told: bool, now: Duration) {
        self.is_away ^= is_told;
        self.quiet_until = now + TOLD_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_ten_seconds_to_come_and_those_that_come_and_go_are_told_of_once_in_ten() {
        let at = Duration::from_secs;
        let why = || Some("refused".to_owned());
        let away = || Some(News::Away("refused".to_owned()));
        let mut told = Told::nothing(at(100));
        assert_eq!(told.news(why(), at(109)), None);
        assert_eq!(told.news(None, at(110)), None, "they came");
        assert_eq!(told.news(why(), at(111)), away());
        told.tried(true, at(111));
        assert_eq!(told.news(None, at(120)), None, "it may go again");
        assert_eq!(told.news(why(), at(121)), None, "it was told");
        assert_eq!(told.news(None, at(121)), Some(News::Back));
        told.tried(false, at(121));
        assert_eq!(
            told.news(None, at(131)),
            Some(News::Back),
            "it could not be written"
        );
        told.tried(true, at(131));
        assert_eq!(told.news(None, at(141)), None);
        assert_eq!(told.news(why(), at(141)), away());
    }
}
