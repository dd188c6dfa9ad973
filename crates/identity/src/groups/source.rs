//! Where a grant comes from, in words that explanations show and that the roll reads back.

use std::fmt;

/// What stands in the place of a provider where a person gave something.
const BY_HAND: &str = "directly";
/// Before the name of the provider whose rules gave something.
const BY_PROVIDER: &str = "by ";
/// Between a group's name, which has no comma, and the provider whose rules put somebody there.
const AND_BY_PROVIDER: &str = ", by ";

/// Where a grant comes from: a person or a provider gave it, or a group that one is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source<'a> {
    /// The group that holds it.
    pub(crate) group: Option<&'a str>,
    /// The provider whose word gives it, or puts somebody into the group.
    pub(crate) provider: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// As a column keeps the provider of a membership.
    pub(crate) const fn kept(provider: Option<&'a str>) -> &'a str {
        match provider {
            Some(provider) => provider,
            None => BY_HAND,
        }
    }

    /// The provider that a membership's column names.
    pub(crate) fn provider_kept(text: &str) -> Option<&str> {
        (text != BY_HAND).then_some(text)
    }

    /// The provider that these words name.
    pub(crate) fn provider_of(words: &str) -> Option<&str> {
        let after_group = words.split_once(AND_BY_PROVIDER).map(|(_, provider)| provider);
        words.strip_prefix(BY_PROVIDER).or(after_group)
    }
}

/// `directly`, `by oidc:example`, `from group ops`, `from group ops, by oidc:example`.
impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.group, self.provider) {
            (None, None) => f.write_str(BY_HAND),
            (None, Some(provider)) => write!(f, "{BY_PROVIDER}{provider}"),
            (Some(group), None) => write!(f, "from group {group}"),
            (Some(group), Some(provider)) => write!(f, "from group {group}{AND_BY_PROVIDER}{provider}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_is_read_back_from_the_words() {
        for group in [None, Some("ops"), Some("by"), Some("stand-by")] {
            for provider in [None, Some("oidc:example"), Some("ldap:by")] {
                let words = Source { group, provider }.to_string();
                assert_eq!(Source::provider_of(&words), provider, "{words}");
                assert_eq!(Source::provider_kept(Source::kept(provider)), provider);
            }
        }
    }
}
