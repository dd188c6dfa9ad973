//! The rules, by the names that logs, reports and `watchroom inspect` show. A name never changes its meaning.

use std::fmt;

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// SQL injection.
    Sqli,
    /// Cross-site scripting.
    Xss,
    /// Path traversal.
    Traversal,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Sqli, Self::Xss, Self::Traversal];

    /// Its name in reports: `sqli`, `xss`, `traversal`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqli => "sqli",
            Self::Xss => "xss",
            Self::Traversal => "traversal",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Sqli => "SQL injection",
            Self::Xss => "cross-site scripting",
            Self::Traversal => "path traversal",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

macro_rules! rules {
    ($($(#[doc = $words:literal])+ $rule:ident = $class:ident, $id:literal;)+) => {
        /// What gave a text away.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $words])+ $rule,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$rule),+];

            /// Its stable name, which begins with that of its class.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$rule => $id,)+
                }
            }

            /// The kind of attack it speaks of.
            #[must_use]
            pub fn class(self) -> Class {
                match self {
                    $(Self::$rule => Class::$class,)+
                }
            }

            /// One sentence for people.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$rule => concat!($($words),+).trim_ascii_start(),)+
                }
            }
        }
    };
}

rules! {
    /// Ends the query's own text and goes on with an expression that is whole.
    SqlBreakOut = Sqli, "sqli-break-out";
    /// A condition whose outcome does not depend on any row.
    SqlTautology = Sqli, "sqli-tautology";
    /// An expression whose rest is cut off by a comment.
    SqlComment = Sqli, "sqli-comment";
    /// Joins the rows of a second query.
    SqlUnion = Sqli, "sqli-union";
    /// A query of its own.
    SqlSelect = Sqli, "sqli-select";
    /// A statement other than a query.
    SqlStatement = Sqli, "sqli-statement";
    /// Makes the database wait, so that the time of an answer tells something.
    SqlTime = Sqli, "sqli-time";
    /// Makes the database fail with a message that tells something.
    SqlError = Sqli, "sqli-error";
    /// Reads or writes files, or reaches the machine or the network.
    SqlReach = Sqli, "sqli-reach";
    /// Calls functions that only a database has.
    SqlFunction = Sqli, "sqli-function";
    /// Names the tables in which databases describe themselves, or their variables.
    SqlSchema = Sqli, "sqli-schema";
    /// Sorts, groups or limits a query that is not shown.
    SqlClause = Sqli, "sqli-clause";
    /// Comments where there should be spaces.
    SqlDisguise = Sqli, "sqli-disguise";
    /// An element that runs script, or loads what does.
    XssElement = Xss, "xss-element";
    /// An attribute that handles an event.
    XssHandler = Xss, "xss-handler";
    /// An address that is a program.
    XssAddress = Xss, "xss-address";
    /// A style that runs script.
    XssStyle = Xss, "xss-style";
    /// Ends a script's own text and calls something.
    XssScript = Xss, "xss-script";
    /// A declaration, section or processing instruction that changes how the rest is read.
    XssDeclaration = Xss, "xss-declaration";
    /// Goes up from where it should stay.
    PathUp = Traversal, "traversal-up";
    /// Goes up, spelled so that a filter does not see it.
    PathDisguise = Traversal, "traversal-disguise";
    /// Names a file that only an attacker asks for.
    PathSecret = Traversal, "traversal-secret";
    /// An address that a program may open as if it were a file, or a share of another machine.
    PathScheme = Traversal, "traversal-scheme";
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_after_its_class_and_only_once() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        for rule in Rule::ALL {
            assert!(rule.id().starts_with(rule.class().name()), "{rule}");
            assert!(rule.words().ends_with('.'), "{rule}: {}", rule.words());
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
    }
}
