//! The groups of a person, and those that they are in through others.

use std::collections::BTreeSet;

use ldap3::{Ldap, LdapError, Scope, SearchEntry, SearchOptions, SearchResult};

use crate::{Groups, words};

/// How deep groups in groups are looked for.
const DEEPEST: usize = 10;
/// How many groups a person is taken to be in; one in more is in none of the rest.
const MOST: usize = 1_000;
/// There is more than the directory, or we, let it give (RFC 4511, 4.1.9).
const SIZE_LIMIT_EXCEEDED: u32 = 4;

/// The groups of the person with this entry: distinguished names.
pub(crate) async fn of(
    ldap: &mut Ldap,
    groups: &Groups,
    entry: &SearchEntry,
) -> Result<BTreeSet<String>, LdapError> {
    match groups {
        Groups::MemberOf => Ok(values(entry, "memberOf").iter().cloned().collect()),
        Groups::ActiveDirectory { base } => find(ldap, base, &words::in_chain(&entry.dn)).await,
        Groups::Walk { base } => walk(ldap, base, entry).await,
    }
}

async fn walk(ldap: &mut Ldap, base: &str, entry: &SearchEntry) -> Result<BTreeSet<String>, LdapError> {
    // As the directory calls them, and not as they were typed: a filter may look at what people write of themselves.
    let filter = match values(entry, "uid") {
        [uid] => words::naming_person(&entry.dn, uid),
        _ => words::naming(&entry.dn),
    };
    let mut all = find(ldap, base, &filter).await?;
    let mut new: Vec<String> = all.iter().cloned().collect();
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for group in new {
            for found in find(ldap, base, &words::naming(&group)).await? {
                if all.len() < MOST && all.insert(found.clone()) {
                    next.push(found);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        new = next;
    }
    Ok(all)
}

fn values<'a>(entry: &'a SearchEntry, name: &str) -> &'a [String] {
    let mut attributes = entry.attrs.iter();
    let found = attributes.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(&[], |(_, values)| values)
}

async fn find(ldap: &mut Ldap, base: &str, filter: &str) -> Result<BTreeSet<String>, LdapError> {
    let most = i32::try_from(MOST).unwrap_or(i32::MAX);
    ldap.with_search_options(SearchOptions::new().sizelimit(most));
    let SearchResult(entries, end) = ldap.search(base, Scope::Subtree, filter, vec!["1.1"]).await?;
    // What came before the directory's own limit, or ours, counts: whoever may make groups locks nobody out by making many.
    if end.rc != SIZE_LIMIT_EXCEEDED {
        end.success()?;
    }
    // A referral is somebody else's word.
    let entries = entries
        .into_iter()
        .filter(|entry| !entry.is_ref() && !entry.is_intermediate());
    Ok(entries.map(|entry| SearchEntry::construct(entry).dn).collect())
}

/// What a group is called: the value of the first part of its distinguished name.
pub(crate) fn called(dn: &str) -> Option<String> {
    let (_, rest) = dn.split_once('=')?;
    let mut name = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ',' | '+' => break,
            '\\' => {
                let next = letters.next()?;
                // Written as two digits it is a byte that no name of a role's group needs.
                if next.is_ascii_hexdigit() {
                    return None;
                }
                name.push(next);
            }
            letter => name.push(letter),
        }
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_called_by_the_first_part_of_its_name() {
        assert_eq!(called("cn=ops,ou=groups,dc=example"), Some("ops".to_owned()));
        assert_eq!(called("CN=radio room,DC=example"), Some("radio room".to_owned()));
        assert_eq!(called(r"cn=a\,b,dc=example"), Some("a,b".to_owned()));
        for strange in ["", "cn=", "ops", r"cn=a\2cb,dc=example", r"cn=a\"] {
            assert_eq!(called(strange), None, "{strange}");
        }
    }
}
