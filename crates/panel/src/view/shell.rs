//! What surrounds every page: who is signed in, where in the room they are, the theme, the flash.

use std::str::FromStr;

use askama::Template;
use askama::filters::HtmlSafe;
use time::OffsetDateTime;
use watchroom_kit::Fault;

use super::{Icon, Moment, sentence};
use crate::assets;
use crate::text::{EN, Text};

/// Light, dark, or as the system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All there are.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its word in the cookie and the attribute.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl FromStr for Theme {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|theme| theme.word() == text).ok_or(())
    }
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It was done.
    Done,
    /// It was not.
    Trouble,
}

/// A message about what was just done.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/flash.html")]
pub(crate) struct Flash {
    /// How it is meant.
    pub(crate) tone: Tone,
    /// The message.
    pub(crate) text: String,
}

impl Flash {
    /// It was done.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Done,
            text: text.into(),
        }
    }

    /// What came of an act: these words if it was done, else why not.
    pub(crate) fn told(done: Result<impl Into<String>, impl Fault>) -> Self {
        match done {
            Ok(words) => Self::done(words),
            Err(error) => Self::trouble(sentence(&error.public())),
        }
    }

    /// It was not.
    pub(crate) fn trouble(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Trouble,
            text: text.into(),
        }
    }

    fn icon(&self) -> Icon {
        if self.tone == Tone::Done {
            Icon::Done
        } else {
            Icon::Trouble
        }
    }
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for Flash {}

/// Where in the room a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// At a glance.
    Overview,
    /// Machines.
    Nodes,
    /// What runs.
    Servers,
    /// Who is kept out.
    Security,
    /// The log book.
    Audit,
    /// Who there is.
    People,
    /// How things are set.
    Settings,
    /// Oneself.
    Profile,
}

/// Who is signed in and what the rail offers them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// What they sign in with.
    pub(crate) name: String,
    /// Whether they may list nodes.
    pub(crate) sees_nodes: bool,
    /// Whether they may list servers.
    pub(crate) sees_servers: bool,
    /// Whether they may see who is kept out.
    pub(crate) sees_security: bool,
    /// Whether they may read the audit log.
    pub(crate) sees_audit: bool,
    /// Whether they may see people.
    pub(crate) sees_people: bool,
    /// Whether they may see settings.
    pub(crate) sees_settings: bool,
}

/// One entry of the rail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RailEntry {
    /// Which section it opens.
    pub(crate) section: Section,
    /// Where it leads.
    pub(crate) href: &'static str,
    /// What it is called.
    pub(crate) label: &'static str,
    /// Its icon.
    pub(crate) icon: Icon,
}

/// What surrounds a page for somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    /// The words.
    pub(crate) t: &'static Text,
    /// The page's title.
    pub(crate) title: String,
    /// Where it is.
    pub(crate) section: Section,
    /// Who looks.
    pub(crate) person: Person,
    /// The token that forms carry.
    pub(crate) csrf: String,
    /// Whether a passkey can answer where the page asks again who one is.
    pub(crate) offers_passkey_proof: bool,
    /// Seconds until the session ends.
    pub(crate) expires_in_s: i64,
    /// The theme they chose.
    pub(crate) theme: Theme,
    /// What was just done.
    pub(crate) flash: Option<Flash>,
    /// When the page was made.
    pub(crate) now: OffsetDateTime,
}

impl Shell {
    /// What the rail offers, in its order.
    pub(crate) fn rail(&self) -> Vec<RailEntry> {
        let t = self.t;
        let entry = |section, href, label, icon| RailEntry {
            section,
            href,
            label,
            icon,
        };
        let mut rail = vec![entry(Section::Overview, "/", t.nav_overview, Icon::Overview)];
        if self.person.sees_nodes {
            rail.push(entry(Section::Nodes, "/nodes", t.nav_nodes, Icon::Nodes));
        }
        if self.person.sees_servers {
            rail.push(entry(Section::Servers, "/servers", t.nav_servers, Icon::Servers));
        }
        if self.person.sees_security {
            rail.push(entry(
                Section::Security,
                "/security",
                t.nav_security,
                Icon::Security,
            ));
        }
        if self.person.sees_audit {
            rail.push(entry(Section::Audit, "/audit", t.nav_audit, Icon::Audit));
        }
        if self.person.sees_people {
            rail.push(entry(
                Section::People,
                "/access/people",
                t.nav_people,
                Icon::People,
            ));
        }
        if self.person.sees_settings {
            rail.push(entry(
                Section::Settings,
                "/settings/mail",
                t.nav_settings,
                Icon::Settings,
            ));
        }
        rail.push(entry(Section::Profile, "/profile", t.nav_profile, Icon::Profile));
        rail
    }

    /// The room's clock.
    pub(crate) fn clock(&self) -> Moment {
        Moment::ticking(self.now)
    }

    /// When the page was made.
    pub(crate) fn as_of(&self) -> Moment {
        Moment::clock(self.now)
    }

    /// The address of an asset.
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// The address of the morphing library, if this build carries it.
    pub(crate) fn morph(&self) -> Option<String> {
        assets::morph_url()
    }

    /// The kinds of event on `/api/stream` after which the page looks again.
    pub(crate) fn stream_events(&self) -> &'static str {
        match self.section {
            Section::Overview => "node server audit",
            Section::Nodes => "node server join_request",
            _ => "node server",
        }
    }
}

/// What surrounds a page for somebody who is not signed in: one sheet in the middle.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// The words.
    pub(crate) t: &'static Text,
    /// The page's title.
    pub(crate) title: String,
    /// The theme they chose.
    pub(crate) theme: Theme,
}

impl Sheet {
    /// A sheet of that title.
    pub(crate) fn new(title: impl Into<String>, theme: Theme) -> Self {
        Self {
            t: &EN,
            title: title.into(),
            theme,
        }
    }

    /// The address of an asset.
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}
