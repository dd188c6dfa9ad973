//! What somebody typed, as it goes into a filter or a distinguished name: never as a part of their grammar.

use ldap3::{dn_escape, ldap_escape};

/// Stands for what was typed.
pub(crate) const NAME: &str = "{name}";
/// The longest name that is asked for, in bytes.
const LONGEST: usize = 256;

/// Whether a name is one that a directory may be asked for.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control) && name.trim() == name
}

/// A filter for this name.
pub(crate) fn filter(template: &str, name: &str) -> String {
    template.replace(NAME, &ldap_escape(name))
}

/// A distinguished name for this name.
pub(crate) fn dn(template: &str, name: &str) -> String {
    template.replace(NAME, &dn_escape(name))
}

/// The groups that name this person, or this group, as a member.
pub(crate) fn naming(dn: &str) -> String {
    let dn = ldap_escape(dn);
    format!("(|(member={dn})(uniqueMember={dn}))")
}

/// The groups that name this person by distinguished name or, as those of Unix do, by user name.
pub(crate) fn naming_person(dn: &str, name: &str) -> String {
    let (dn, name) = (ldap_escape(dn), ldap_escape(name));
    format!("(|(member={dn})(uniqueMember={dn})(memberUid={name}))")
}

/// The groups that this person is in, through others too, as Active Directory finds them.
pub(crate) fn in_chain(dn: &str) -> String {
    format!("(member:1.2.840.113556.1.4.1941:={})", ldap_escape(dn))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_typed_is_never_grammar() {
        assert_eq!(filter("(uid={name})", "*"), r"(uid=\2a)");
        assert_eq!(filter("(uid={name})", "a)(uid=*"), r"(uid=a\29\28uid=\2a)");
        assert_eq!(filter("(uid={name})", r"a\2a"), r"(uid=a\5c2a)");
        let dn = dn("uid={name},dc=example", "a,uid=root");
        assert_eq!(dn.matches(",").count(), 1, "{dn}");
    }

    proptest! {
        #[test]
        fn a_filter_keeps_its_shape_whatever_is_typed(name in "\\PC{1,40}") {
            let written = filter("(&(objectClass=person)(uid={name}))", &name);
            let count = |letter: char| written.matches(letter).count();
            prop_assert_eq!((count('('), count(')'), count('*')), (3, 3, 0), "{}", written);
        }

        #[test]
        fn a_distinguished_name_keeps_its_parts_whatever_is_typed(name in "\\PC{1,40}") {
            let written = dn("uid={name},dc=example", &name);
            let (first, rest) = written.rsplit_once(',').unwrap();
            prop_assert_eq!(rest, "dc=example");
            let first = first.strip_prefix("uid=").unwrap();
            for letter in [',', '+', '=', ';', '<', '>', '"'] {
                prop_assert!(!first.contains(letter), "{}", written);
            }
        }

        #[test]
        fn what_could_not_be_a_name_is_not_asked_for(name in "[\\x00-\\x1f]{1,3}") {
            prop_assert!(!is_name(&name));
        }
    }
}
