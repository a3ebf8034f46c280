//! The mailbox that is measured: 30 folders, 10,000 messages, about 487 MB, ten years of dates.
//!
//! Written straight into a Maildir++, the same for the same seed; a smaller count scales it down.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::message::{Pools, base64, compose};
use super::random::Random;
use crate::peers::process;

/// Folders and their shares of the messages.
const FOLDERS: [(&str, u32); 30] = [
    ("INBOX", 22),
    ("Sent", 18),
    ("Drafts", 1),
    ("Trash", 4),
    ("Junk", 4),
    ("Archive", 1),
    ("Archive/2016", 3),
    ("Archive/2017", 3),
    ("Archive/2018", 3),
    ("Archive/2019", 3),
    ("Archive/2020", 3),
    ("Archive/2021", 3),
    ("Archive/2022", 3),
    ("Archive/2023", 3),
    ("Archive/2024", 3),
    ("Archive/2025", 3),
    ("Projects", 1),
    ("Projects/Alpha", 3),
    ("Projects/Beta", 2),
    ("Projects/Beta/Änderungen", 1),
    ("Customers", 1),
    ("Customers/Müller & Söhne", 2),
    ("Customers/Łódź", 1),
    ("Customers/東京", 1),
    ("Newsletters", 4),
    ("Invoices", 2),
    ("Travel", 1),
    ("Family", 1),
    ("Lists/rust-users", 4),
    ("Lists/debian-user", 4),
];
const KEYWORDS: [&str; 6] = ["$Forwarded", "$Label1", "$Label2", "NonJunk", "$MDNSent", "Project-X"];
/// 2016 to 2025.
const FIRST_DAY: i64 = 1_451_606_400;
const SECONDS: usize = 315_619_200;
/// One message in so many is large.
const LARGE_EVERY: usize = 200;
const LARGE: usize = 4_850_000;

/// What was written.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    /// Messages.
    pub messages: u64,
    /// Bytes as they go over the wire.
    pub bytes: u64,
}

/// Writes so many messages for a user whose home is the folder, and gives them to the owner (`uid:gid`).
pub fn write(home: &Path, owner: &str, messages: usize, seed: u64) -> Result<Corpus> {
    let mut random = Random::seeded(seed);
    let pools = Pools::new(&mut random);
    let root = home.join("Maildir");
    let mut written = Corpus { messages: 0, bytes: 0 };
    let folders = FOLDERS.map(|(name, _)| folder_path(&root, name));
    for folder in &folders {
        for below in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.join(below))?;
        }
        std::fs::write(folder.join("maildirfolder"), "")?;
        let lines = KEYWORDS.iter().enumerate().map(|(n, word)| format!("{n} {word}\n"));
        std::fs::write(folder.join("dovecot-keywords"), lines.collect::<String>())?;
    }
    let subscribed = FOLDERS.map(|(name, _)| format!("{}\n", to_utf7(name))).concat();
    std::fs::write(root.join("subscriptions"), subscribed)?;
    for number in 0..messages {
        let at = if number < folders.len() { number } else { weighted(&mut random) };
        let is_large = number % LARGE_EVERY == LARGE_EVERY / 2;
        let usual = 2000.0 * 50_f64.powf(random.part().powf(1.075));
        let size = if is_large { LARGE } else { usual as usize };
        let epoch = FIRST_DAY + i64::try_from(random.below(SECONDS))?;
        let text = compose(&mut random, &pools, number, size, epoch);
        let name = FOLDERS.get(at).map_or("INBOX", |(name, _)| name);
        let flags = flags(&mut random, name);
        let on_wire = text.len() + text.bytes().filter(|b| *b == b'\n').count();
        let file = format!("{epoch}.M{number}P1.bench,S={},W={on_wire}:2,{flags}", text.len());
        if let Some(folder) = folders.get(at) {
            let path = folder.join("cur").join(file);
            std::fs::write(&path, &text)?;
            // The time of arrival is the time of the file.
            let arrived = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(epoch + 30)?);
            std::fs::File::options().write(true).open(&path)?.set_modified(arrived)?;
        }
        written.messages += 1;
        written.bytes += on_wire as u64;
    }
    give(home, owner)?;
    Ok(written)
}

/// Writes one message of 100 MB and four of 19 MB: what must not stay in memory.
pub fn write_heavy(home: &Path, owner: &str) -> Result<Corpus> {
    let mut random = Random::seeded(9);
    let pools = Pools::new(&mut random);
    let root = home.join("Maildir");
    for below in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(root.join(below))?;
    }
    let mut written = Corpus { messages: 0, bytes: 0 };
    for (number, size) in
        [100_000_000, 19_000_000, 19_000_000, 19_000_000, 19_000_000].into_iter().enumerate()
    {
        let mut text = compose(&mut random, &pools, number, LARGE, FIRST_DAY);
        let more = text.clone();
        while text.len() < size {
            text.push_str(&more);
        }
        let on_wire = text.len() + text.bytes().filter(|b| *b == b'\n').count();
        let file = format!("{FIRST_DAY}.M{number}P2.bench,S={},W={on_wire}:2,S", text.len());
        std::fs::write(root.join("cur").join(file), text)?;
        written.messages += 1;
        written.bytes += on_wire as u64;
    }
    give(home, owner)?;
    Ok(written)
}

/// Gives all to an owner (`uid:gid`), when we may.
fn give(home: &Path, owner: &str) -> Result<()> {
    match (process::is_root(), owner.split_once(':')) {
        (true, Some((uid, gid))) => process::give(home, uid.parse()?, gid.parse()?),
        _ => Ok(()),
    }
}

fn weighted(random: &mut Random) -> usize {
    let all: u32 = FOLDERS.iter().map(|(_, share)| share).sum();
    let mut left = u32::try_from(random.below(all as usize)).unwrap_or(0);
    for (n, (_, share)) in FOLDERS.iter().enumerate() {
        if left < *share {
            return n;
        }
        left -= share;
    }
    0
}

/// Letters in the order in which Maildir wants them; keywords are small ones.
fn flags(random: &mut Random, folder: &str) -> String {
    let chances = [('F', 0.05), ('R', 0.15), ('S', 0.8)];
    let mut letters = String::from(if folder == "Drafts" { "D" } else { "" });
    letters.extend(chances.iter().filter(|(_, chance)| random.part() < *chance).map(|(letter, _)| letter));
    if random.part() < 0.2 {
        let letter = (b'a'..).map(char::from).nth(random.below(KEYWORDS.len()));
        letters.extend(letter);
    }
    letters
}

fn folder_path(root: &Path, name: &str) -> PathBuf {
    if name == "INBOX" { root.to_owned() } else { root.join(format!(".{}", to_utf7(name).replace('/', "."))) }
}

/// A folder's name in modified UTF-7 (RFC 3501 §5.1.3).
fn to_utf7(name: &str) -> String {
    let (mut out, mut wide) = (String::new(), Vec::new());
    let end_wide = |out: &mut String, wide: &mut Vec<u8>| {
        if !wide.is_empty() {
            out.push_str(&format!("&{}-", base64(wide, false).replace('/', ",")));
            wide.clear();
        }
    };
    for c in name.chars() {
        if c.is_ascii() {
            end_wide(&mut out, &mut wide);
            out.push_str(if c == '&' { "&-" } else { "" });
            out.extend((c != '&').then_some(c));
        } else {
            let mut units = [0; 2];
            wide.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    end_wide(&mut out, &mut wide);
    out
}

#[cfg(test)]
mod tests {
    use super::{to_utf7, write};

    #[test]
    fn names_in_modified_utf7() {
        assert_eq!(to_utf7("Müller & Söhne"), "M&APw-ller &- S&APY-hne");
        assert_eq!(to_utf7("東京"), "&Z3FOrA-");
    }

    #[test]
    fn a_small_corpus_is_the_same_twice() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = write(a.path(), "", 60, 7).unwrap();
        let second = write(b.path(), "", 60, 7).unwrap();
        assert_eq!((first.messages, first.bytes), (second.messages, second.bytes));
        assert!(a.path().join("Maildir/.Projects.Beta.&AMQ-nderungen/cur").is_dir());
    }
}
