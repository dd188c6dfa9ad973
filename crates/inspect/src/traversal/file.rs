//! Files that only an attacker asks for.

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{Words, contains, each_word, from, is_blank, is_name, starts_with};

/// Files by a part of their path that stands for nothing else.
const SECRETS: Words = Words::new(&[
    b"etc/passwd",
    b"etc/shadow",
    b"etc/group",
    b"etc/gshadow",
    b"etc/master.passwd",
    b"etc/security/passwd",
    b"boot.ini",
    b"win.ini",
    b"system.ini",
    b"php.ini",
    b"system32/config",
    b"system32/drivers/etc",
    b"system32/cmd.exe",
    b"windows/repair/",
    b"winnt/",
    b"inetpub/",
    b"unattend.xml",
    b"sysprep.inf",
    b".htpasswd",
    b".bash_history",
    b".ksh_history",
    b".sh_history",
    b".zsh_history",
    b".mysql_history",
    b".ssh/id_",
    b".ssh/authorized_keys",
    b".aws/credentials",
    b".git/config",
    b"wp-config.php",
    b"config.inc.php",
    b"web-inf/web.xml",
    b"var/run/secrets/",
]);

/// Files that people talk of, too: they count as the end or the whole of a path that is the whole text.
const NAMED_ALONE: Words = Words::new(&[
    b"/etc/hosts",
    b"/etc/issue",
    b"/etc/motd",
    b"/etc/fstab",
    b"/etc/crontab",
    b"/etc/sudoers",
    b"/etc/hostname",
    b"/etc/resolv.conf",
    b"/etc/ssh/",
    b"/etc/mysql/",
    b"/etc/my.cnf",
    b"/etc/apache",
    b"/etc/httpd",
    b"/etc/init.d/",
    b"/etc/cron",
    b"/etc/redhat-release",
    b"/etc/lsb-release",
    b"/etc/os-release",
    b"/var/log/",
    b"/var/mail/",
    b"/var/spool/",
    b"/var/lib/mysql",
    b"/var/lib/mlocate",
    b"/root/.",
    b"/root/anaconda-ks.cfg",
    b"/conf/server.xml",
    b"/tomcat-users.xml",
    b"/meta-inf/",
    b"/logs/access",
    b"/logs/error",
    b"/access_log",
    b"/error_log",
    b"/access.log",
    b"/error.log",
    b"/httpd.conf",
    b"/apache2.conf",
    b"/httpd/logs",
    b"/apache/logs",
    b"/apache2/logs",
    b"/winnt",
    b"/web.config",
    b"/.htaccess",
    b"/.bashrc",
    b"/.profile",
    b"/.env",
    b"/.ssh/",
    b"/.svn/",
    b"/.aws/",
    b"/.azure/",
    b"/.docker/",
    b"/.gnupg/",
    b"/.kube/",
    b"/.ds_store",
    b"/.git-credentials",
    b"/.my.cnf",
    b"/.netrc",
    b"/.npmrc",
    b"/.pgpass",
    b"/.pypirc",
    b"/dev/fd/",
    b"/proc/self/",
    b"/dev/tcp/",
    b"/ntuser.dat",
    b"/pagefile.sys",
    b"/autoexec.bat",
]);

/// Folders in which, at the root, nothing is a stranger's, whatever its name.
const PRIVATE: Words = Words::new(&[
    b"/proc/",
    b"/run/secrets",
    b"/var/lib/docker",
    b"/var/lib/kubelet",
    b"/root/",
    b"/private/etc/",
    b"/usr/local/etc/",
    b"/usr/local/apache",
    b"/usr/local/nginx/",
    b"/opt/lampp/",
    b"/xampp/",
    b"/wamp/",
    b"/windows/debug/",
    b"/windows/panther/",
    b"/web-inf/",
    b"/.git/",
    b"/.hg/",
]);

/// What keys, passwords and lists of who may what are kept below.
const GUARDED: Words = Words::new(&[
    b"/private/",
    b"/kubernetes/",
    b"/security/",
    b"/pam.d/",
    b"/samba/",
    b"/ldap",
    b"/network",
    b"/sysconfig/",
    b"/sites-",
    b"/pg_hba",
    b"secret",
    b"passw",
    b"shadow",
    b"credential",
    b".key",
]);

/// What a name with wild cards in it is meant to match.
const MATCHED: &[&[u8]] = &[
    b"/etc/passwd",
    b"/etc/shadow",
    b"/etc/group",
    b"/etc/hosts",
    b"/bin/cat",
    b"/bin/sh",
    b"/proc/self/environ",
];

/// Commands that are asked for where a file is meant to be read.
const COMMANDS: Words = Words::new(&[
    b"/bin/cat ",
    b"/bin/id|",
    b"/bin/ls|",
    b"/usr/bin/id|",
    b"bin/id|",
    b"cmd.exe",
    b"cmd.exe?",
]);

/// Whether a text without any separator is the name of a file that nobody asks for in good faith.
pub(crate) fn is_secret_name(text: &[u8]) -> bool {
    SECRETS.within(text).next().is_some() || starts_with(text, b".ht")
}

/// Looks for such files in a path whose separators are all slashes.
pub(super) fn judge(path: &[u8], text: &[u8], tally: &mut Tally) {
    // Runs of separators and segments of one dot mean nothing to a file system, but hide a name from a filter.
    let squeezed = squeeze(path);
    if SECRETS
        .within(&squeezed)
        .any(|(at, secret)| stands_apart(&squeezed, at, secret))
        || is_htaccess(&squeezed)
    {
        tally.add(Rule::PathSecret, if is_spoken_of(text) { 30 } else { 60 });
        return;
    }
    let is_alone = !text.iter().any(|byte| is_blank(*byte)) && !contains(text, b"://");
    if is_alone && is_private(path, &squeezed) {
        tally.add(Rule::PathSecret, 50);
    }
    if COMMANDS.within(path).next().is_some() {
        tally.add(Rule::PathSecret, 50);
    }
}

/// Whether a path stands in a sentence: `/etc/passwd holds accounts.` A command has options, signs, or one word.
fn is_spoken_of(text: &[u8]) -> bool {
    let is_letter =
        |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'.' | b',' | b'!' | b'?' | b':' | b'\'');
    let mut words = 0_usize;
    let is_prose = text
        .split(|byte| is_blank(*byte))
        .filter(|word| !word.is_empty())
        .all(|word| {
            let is_path = word.contains(&b'/')
                && word
                    .iter()
                    .all(|byte| is_letter(byte) || matches!(byte, b'/' | b'`'));
            words += usize::from(!is_path);
            is_path || word.iter().all(is_letter)
        });
    is_prose && words >= 2
}

/// Whether a path that is all of the text is one of a file that is no stranger's.
fn is_private(path: &[u8], squeezed: &[u8]) -> bool {
    let rooted = if path.starts_with(b".") {
        &[]
    } else {
        absolute(squeezed)
    };
    let is_hidden = [&b".git/"[..], b".svn/", b".hg/"]
        .iter()
        .any(|folder| starts_with(squeezed, folder));
    NAMED_ALONE.within(absolute(squeezed)).next().is_some()
        || squeezed.eq_ignore_ascii_case(b".env")
        || is_hidden
        || PRIVATE.at_start(rooted).next().is_some()
        || is_guarded(rooted)
        || is_wild(rooted)
}

/// Whether a path below `/etc` says that it is a secret, or is of a file of the machine's own. What programs have
/// there, each in its folder, is configuration, which people speak of.
fn is_guarded(path: &[u8]) -> bool {
    let below = if starts_with(path, b"/etc/") {
        from(path, 5)
    } else {
        &[]
    };
    let is_file = !below.is_empty() && !below.contains(&b'/') && !below.contains(&b',');
    is_file || !below.is_empty() && GUARDED.within(path).next().is_some()
}

/// `/e?c/pass*`: wild cards for the letters that a filter looks for.
fn is_wild(path: &[u8]) -> bool {
    let letters = path.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let stars = path.iter().filter(|byte| **byte == b'*').count();
    path.len() < 64
        && letters >= 3
        && stars <= 4
        && path.iter().any(|byte| matches!(byte, b'?' | b'*'))
        && MATCHED.iter().any(|name| matches_wild(path, name))
}

/// Whether wild cards match a name, by the segments of both.
fn matches_wild(path: &[u8], name: &[u8]) -> bool {
    let is_separator = |byte: &u8| *byte == b'/';
    path.split(is_separator).count() == name.split(is_separator).count()
        && path
            .split(is_separator)
            .zip(name.split(is_separator))
            .all(|(pattern, name)| matches_segment(pattern, name))
}

fn matches_segment(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skipped| matches_segment(rest, from(name, skipped))),
        (Some((b'?', pattern)), Some((_, name))) => matches_segment(pattern, name),
        (Some((letter, pattern)), Some((same, name))) => {
            letter.eq_ignore_ascii_case(same) && matches_segment(pattern, name)
        }
        _ => false,
    }
}

/// The path behind its drive, if it begins at a root or with dots; else nothing.
fn absolute(path: &[u8]) -> &[u8] {
    let is_drive = matches!(path, [letter, b':', ..] if letter.is_ascii_alphabetic());
    let path = if is_drive { from(path, 2) } else { path };
    match path.first() {
        Some(b'/' | b'.') => path,
        _ => &[],
    }
}

fn is_htaccess(path: &[u8]) -> bool {
    path.len() < 200 && !path.contains(&b' ') && each_word(path, b".htaccess").next().is_some()
}

/// Whether a part of a path stands where it is a part of one: no name runs into it from the left or the right.
fn stands_apart(path: &[u8], at: usize, part: &[u8]) -> bool {
    if part.starts_with(b".") {
        return true;
    }
    let left = at.checked_sub(1).and_then(|left| path.get(left));
    let right = path.get(at + part.len());
    // `php.ini.example`
    let is_other = !part.contains(&b'/')
        && matches!(from(path, at + part.len()), [b'.', letter, ..] if letter.is_ascii_alphabetic());
    let is_whole = !is_other && right.is_none_or(|byte| !is_name(*byte)) || part.ends_with(b"/");
    // A name alone, like `boot.ini`, counts as the whole text or the end of a path.
    let is_placed = part.contains(&b'/') || left.is_none() || left == Some(&b'/') || left == Some(&b'%');
    let is_apart = left.is_none_or(|left| !is_name(*left) && !matches!(left, b'.' | b'-'));
    is_whole && is_placed && is_apart
}

fn squeeze(path: &[u8]) -> Vec<u8> {
    let mut squeezed: Vec<u8> = Vec::with_capacity(path.len());
    for byte in path {
        let is_repeated = *byte == b'/' && squeezed.last() == Some(&b'/');
        let is_here = *byte == b'/' && (squeezed.ends_with(b"/.") || squeezed.as_slice() == b".");
        if is_here {
            squeezed.pop();
            if squeezed.is_empty() {
                squeezed.push(b'/');
            }
        } else if !is_repeated {
            squeezed.push(*byte);
        }
    }
    squeezed
}
