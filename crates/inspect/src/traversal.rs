//! Path traversal: segments that go up, files that only an attacker asks for, and addresses in place of files.

use crate::rule::Rule;
use crate::tally::{Finding, Tally};
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
    b"inetpub/wwwroot",
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
    b"meta-inf/",
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
    b"/dev/fd/",
    b"/proc/self/",
    b"/proc/version",
    b"/proc/cmdline",
    b"/proc/mounts",
    b"/proc/net/",
    b"/proc/sched_debug",
    b"/proc/1/",
    b"/dev/tcp/",
    b"/ntuser.dat",
    b"/pagefile.sys",
    b"/autoexec.bat",
]);

/// Addresses that a program opens where it expects the name of a file.
const SCHEMES: Words = Words::new(&[
    b"php://",
    b"file:",
    b"phar://",
    b"zip://",
    b"expect://",
    b"glob://",
    b"compress.zlib://",
    b"compress.bzip2://",
    b"zlib:",
    b"ogg://",
    b"rar://",
    b"ssh2.",
    b"jar:",
    b"netdoc:",
    b"gopher://",
    b"dict://",
    b"data://",
    b"data:text/plain",
    b"ldap://",
    b"tftp://",
]);

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

/// Reads one view of a text as a path.
pub(crate) fn judge(text: &[u8], is_decoded: bool, work: &mut u64) -> Option<Finding> {
    let mut tally = Tally::default();
    let path: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
        .collect();
    *work += u64::try_from(text.len()).unwrap_or(u64::MAX);
    ups(&path, is_decoded, &mut tally);
    if !tally.is_decided() {
        files(&path, text, &mut tally);
        schemes(&path, text, &mut tally);
    }
    tally.finding()
}

/// Counts segments that are nothing but two dots, or will be when a careless filter or an old server is done.
fn ups(path: &[u8], is_decoded: bool, tally: &mut Tally) {
    let mut ups = 0_usize;
    let mut disguised = 0_u8;
    let segments = path.split(|byte| *byte == b'/').count();
    for (at, segment) in path.split(|byte| *byte == b'/').enumerate() {
        let is_first = at == 0;
        let is_last = at + 1 == segments;
        if segments < 2 {
            break;
        }
        match segment {
            b".." => ups += 1,
            // Junk that a decoder drops, and dots in front that a filter's own removal leaves alone.
            _ => disguised = disguised.saturating_add(up_in_disguise(segment, is_first, is_last)),
        }
    }
    match ups {
        0 => {}
        // Once, as people write it, is a path beside this one; that, too, is no name of anything here.
        1 if !is_decoded => tally.add(Rule::PathUp, 50),
        1 => tally.add(Rule::PathDisguise, 50),
        _ if is_decoded => tally.add(Rule::PathDisguise, 80),
        _ => tally.add(Rule::PathUp, 80),
    }
    match disguised {
        0 => {}
        1 => tally.add(Rule::PathDisguise, 25),
        _ => tally.add(Rule::PathDisguise, 60),
    }
}

/// `....//`, `..;/`, `.. /`, `.?/`, a segment whose end is two dots after a long run, and the like.
/// One for what may be an accident, two for what is none.
fn up_in_disguise(segment: &[u8], is_first: bool, is_last: bool) -> u8 {
    let dots = segment.iter().filter(|byte| **byte == b'.').count();
    if dots == 0 {
        return 0;
    }
    let others = segment.len() - dots;
    let has_word = segment.iter().any(|byte| byte.is_ascii_alphanumeric());
    match (dots, others, has_word) {
        // `....` and longer between separators; three alone are an ellipsis, as in `./...`.
        (4.., 0, _) => u8::from(!is_first || !is_last),
        // Two dots and dust: `..;`, `..%00`, `..\x01`, `.?`.
        (1..=4, 1..=2, false) if !is_last => {
            let is_dust = segment
                .iter()
                .all(|byte| matches!(byte, b'.' | b';' | b'?' | b'%' | b'*' | 0x80..) || is_blank(*byte));
            u8::from(is_dust) + u8::from(is_dust && dots == 2)
        }
        _ => 0,
    }
}

fn files(path: &[u8], text: &[u8], tally: &mut Tally) {
    // Runs of separators and segments of one dot mean nothing to a file system, but hide a name from a filter.
    let squeezed = squeeze(path);
    if SECRETS
        .within(&squeezed)
        .any(|(at, secret)| stands_apart(&squeezed, at, secret))
        || is_htaccess(&squeezed)
    {
        tally.add(Rule::PathSecret, 60);
        return;
    }
    let is_alone = !text.iter().any(|byte| is_blank(*byte)) && !contains(text, b"://");
    if is_alone && NAMED_ALONE.within(absolute(&squeezed)).next().is_some() {
        tally.add(Rule::PathSecret, 50);
    }
    if COMMANDS.within(path).next().is_some() {
        tally.add(Rule::PathSecret, 50);
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
    let is_whole = right.is_none_or(|byte| !is_name(*byte)) || part.ends_with(b"/");
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

fn schemes(path: &[u8], text: &[u8], tally: &mut Tally) {
    let start = path.iter().take_while(|byte| is_blank(**byte)).count();
    let begins = from(path, start);
    if SCHEMES.at_start(begins).any(|scheme| begins.len() > scheme.len()) {
        let is_address = contains(begins, b":/") || !begins.contains(&b' ');
        tally.add(Rule::PathScheme, if is_address { 60 } else { 20 });
    }
    // A share of a machine elsewhere: two backslashes, a name with a dot, one more, a name. A name without a dot is
    // a neighbour's, which people store as an ordinary path.
    if let Some(share) = from(text, start).strip_prefix(b"\\\\") {
        let host = share
            .iter()
            .take_while(|byte| is_name(**byte) || matches!(byte, b'.' | b'-'))
            .count();
        let folder = from(share, host);
        let is_far = share.get(..host).is_some_and(|host| host.contains(&b'.'));
        if is_far && matches!(folder, [b'\\', next, ..] if is_name(*next)) {
            tally.add(Rule::PathScheme, 50);
        }
    }
}

/// Spellings that no writer and no program produces, seen in the text as it came: overlong UTF-8 behind per cent
/// signs. Latin-1 has letters there, but not two of them around a dot or a broken escape.
pub(crate) fn judge_spelling(text: &[u8], tally: &mut Tally) {
    if !text.contains(&b'%') {
        return;
    }
    let overlong = text
        .windows(4)
        .filter(|window| starts_with(window, b"%c0%") || starts_with(window, b"%c1%"))
        .count();
    let twice = text
        .windows(6)
        .filter(|window| starts_with(window, b"%25c0%") || starts_with(window, b"%25c1%"))
        .count();
    let long = [&b"%e0%80%"[..], b"%f0%80%80%", b"%f8%80%80%", b"%fc%80%80%"]
        .iter()
        .filter(|lead| contains(text, lead))
        .count();
    let nested = text
        .windows(4)
        .filter(|window| matches!(window, [b'%', b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
        .count();
    let dotted = text
        .windows(4)
        .filter(|window| starts_with(window, b"%c0.") || starts_with(window, b"%c1."))
        .count();
    if overlong + twice + dotted + nested + 2 * long >= 2 {
        tally.add(Rule::PathDisguise, 60);
    }
}
