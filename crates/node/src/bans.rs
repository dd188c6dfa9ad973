//! Who the Host keeps out, as this node was told: handed to its own listeners, kept over a restart, forgotten when over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;
use watchroom_kit::{Clock, files};
use watchroom_model::{BanNews, Bar, BarredFrom, BarredList, BarredNetwork};
use watchroom_shield::{Ban, BanBook, BanKind, Network};

/// Processes of Hosts whose last version is remembered; each restart of a Host is one more.
const MOST_HOSTS: usize = 64;

/// The bans that hold here.
#[derive(Debug)]
pub(crate) struct Bans {
    file: PathBuf,
    clock: Clock,
    told: Mutex<Told>,
    /// What the node's listeners look at.
    holding: watch::Sender<Arc<BarredList>>,
}

/// What this node was told.
#[derive(Debug, Default)]
struct Told {
    list: BarredList,
    hosts: HashMap<Uuid, Said>,
}

/// What one process of a Host has said last.
#[derive(Debug, Default)]
struct Said {
    version: u64,
    /// Whom the pieces of a whole list have named until now.
    piece: Option<BTreeSet<BarredNetwork>>,
}

impl Bans {
    /// Those that were kept in this file. One that cannot be read is as good as none: the Host tells all of them
    /// when the node is linked.
    pub(crate) fn kept_in(file: PathBuf, clock: Clock) -> Self {
        let list = read(&file).unwrap_or_else(|error| {
            tracing::error!(%error, "the bans in {} cannot be read; the Host will tell them", file.display());
            BarredList::new()
        });
        let bans = Self {
            file,
            clock,
            told: Mutex::default(),
            holding: watch::Sender::default(),
        };
        let mut told = bans.told();
        told.list = list;
        bans.show(&mut told);
        drop(told);
        bans
    }

    /// Takes in what a Host says, from now on and over a restart; gives the newest version of it that is had. What
    /// does not follow from that changes nothing.
    pub(crate) fn hear(&self, news: &BanNews) -> io::Result<u64> {
        let mut told = self.told();
        if let Err(version) = told.take(news) {
            return Ok(version);
        }
        self.show(&mut told);
        self.keep(&told.list)?;
        Ok(news.version)
    }

    /// The book that holds, now and after each change.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<BarredList>> {
        self.holding.subscribe()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called with what was told in hand, so that no older list is shown after a newer one.
    fn show(&self, told: &mut Told) {
        let now = self.clock.now_micros();
        told.list.retain(|_, until| *until > now);
        self.holding.send_replace(Arc::new(told.list.clone()));
    }

    fn keep(&self, list: &BarredList) -> io::Result<()> {
        let bars: Vec<Bar> = list
            .iter()
            .map(|(barred, until_us)| Bar {
                barred: barred.clone(),
                until_us: *until_us,
            })
            .collect();
        files::replace(&self.file, &serde_json::to_vec(&bars)?, files::PRIVATE_FILE)
    }
}

impl Told {
    /// Takes news in, or gives the version from which they would have to follow.
    fn take(&mut self, news: &BanNews) -> Result<(), u64> {
        if self.hosts.len() >= MOST_HOSTS && !self.hosts.contains_key(&news.host) {
            self.hosts.clear();
        }
        let said = self.hosts.entry(news.host).or_default();
        let follows = news.follows.is_none_or(|before| before == said.version);
        if news.version <= said.version || !follows {
            return Err(said.version);
        }
        said.version = news.version;
        if news.follows.is_none() {
            said.piece = Some(BTreeSet::new());
        }
        for barred in &news.lifted {
            self.list.remove(barred);
        }
        for bar in &news.barred {
            self.list.insert(bar.barred.clone(), bar.until_us);
            if let Some(piece) = &mut said.piece {
                piece.insert(bar.barred.clone());
            }
        }
        if news.ends_list
            && let Some(named) = said.piece.take()
        {
            self.list.retain(|barred, _| named.contains(barred));
        }
        Ok(())
    }
}

fn read(file: &std::path::Path) -> io::Result<BarredList> {
    let bars: Vec<Bar> = match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(bars
        .into_iter()
        .map(|bar| (bar.barred, bar.until_us))
        .collect::<BTreeMap<_, _>>())
}

/// The list as an edge looks it up. A network that cannot be read bars nobody, and the log says so.
pub(crate) fn book(list: &BarredList) -> BanBook {
    let ban = |(barred, until): (&BarredNetwork, &i64)| {
        let network: Option<Network> = barred.network.parse().ok();
        if network.is_none() {
            tracing::error!(
                ban.network = barred.network,
                "a ban cannot be read and keeps nobody out"
            );
        }
        Some(Ban {
            network: network?,
            kind: match barred.from {
                BarredFrom::SignIn => BanKind::SignIn,
                BarredFrom::Everything => BanKind::Attack,
            },
            until: *until,
        })
    };
    list.iter().filter_map(ban).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn barred(network: &str) -> BarredNetwork {
        BarredNetwork {
            network: network.to_owned(),
            from: BarredFrom::Everything,
        }
    }

    fn bar(network: &str, until_us: i64) -> Bar {
        Bar {
            barred: barred(network),
            until_us,
        }
    }

    fn news(version: u64, follows: Option<u64>, barred: Vec<Bar>, lifted: Vec<BarredNetwork>) -> BanNews {
        BanNews {
            host: Uuid::from_u128(1),
            version,
            follows,
            barred,
            lifted,
            ends_list: follows.is_none(),
        }
    }

    fn held(bans: &Bans) -> Vec<String> {
        let list = bans.watch().borrow().clone();
        list.keys().map(|barred| barred.network.clone()).collect()
    }

    #[test]
    fn what_was_told_is_kept_over_a_restart_until_it_is_over() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("bans.json");
        let clock = Clock::manual(time::OffsetDateTime::UNIX_EPOCH);
        let bans = Bans::kept_in(file.clone(), clock.clone());
        let list = vec![bar("192.0.2.7/32", 5_000_000), bar("192.0.2.8/32", i64::MAX)];
        assert_eq!(bans.hear(&news(1, None, list, Vec::new())).unwrap(), 1);
        drop(bans);
        assert_eq!(
            held(&Bans::kept_in(file.clone(), clock.clone())),
            ["192.0.2.7/32", "192.0.2.8/32"]
        );
        clock.advance(Duration::from_secs(5));
        let bans = Bans::kept_in(file, clock);
        assert_eq!(held(&bans), ["192.0.2.8/32"]);
    }

    #[test]
    fn what_was_missed_is_asked_for_and_what_is_old_changes_nothing() {
        let room = tempfile::tempdir().unwrap();
        let bans = Bans::kept_in(room.path().join("bans.json"), Clock::system());
        let more = news(5, Some(4), vec![bar("192.0.2.7/32", i64::MAX)], Vec::new());
        assert_eq!(bans.hear(&more).unwrap(), 0, "the whole list was never told");
        assert!(held(&bans).is_empty());
        let all = news(6, None, vec![bar("192.0.2.8/32", i64::MAX)], Vec::new());
        assert_eq!(bans.hear(&all).unwrap(), 6);
        let lifted = news(7, Some(6), Vec::new(), vec![barred("192.0.2.8/32")]);
        assert_eq!(bans.hear(&lifted).unwrap(), 7);
        assert_eq!(bans.hear(&all).unwrap(), 7, "told a second time it is not news");
        assert!(held(&bans).is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_and_told_anew() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("bans.json");
        std::fs::write(&file, "no list").unwrap();
        let bans = Bans::kept_in(file, Clock::system());
        assert!(held(&bans).is_empty());
        let all = news(1, None, vec![bar("192.0.2.8/32", i64::MAX)], Vec::new());
        assert_eq!(bans.hear(&all).unwrap(), 1);
    }

    proptest! {
        /// However a list is cut into pieces, and whatever was held before, it ends as the list.
        #[test]
        fn a_list_in_pieces_is_the_list(
            before in proptest::collection::btree_set(0u8..20, 0..20),
            list in proptest::collection::btree_set(0u8..20, 0..20),
            size in 1usize..8,
        ) {
            let name = |one: &u8| format!("192.0.2.{one}/32");
            let mut told = Told {
                list: before.iter().map(|one| (barred(&name(one)), i64::MAX)).collect(),
                ..Told::default()
            };
            let all: Vec<Bar> = list.iter().map(|one| bar(&name(one), i64::MAX)).collect();
            let mut pieces: Vec<&[Bar]> = all.chunks(size).collect();
            if pieces.is_empty() {
                pieces.push(&[]);
            }
            for (at, piece) in pieces.iter().enumerate() {
                let version = at as u64 + 1;
                let mut news = news(version, (at > 0).then_some(version - 1), piece.to_vec(), Vec::new());
                news.ends_list = at + 1 == pieces.len();
                prop_assert_eq!(told.take(&news), Ok(()));
                for one in before.intersection(&list) {
                    prop_assert!(told.list.contains_key(&barred(&name(one))), "none is let in meanwhile");
                }
            }
            let held: BTreeSet<_> = told.list.keys().cloned().collect();
            let wanted: BTreeSet<_> = list.iter().map(|one| barred(&name(one))).collect();
            prop_assert_eq!(held, wanted);
        }
    }
}
