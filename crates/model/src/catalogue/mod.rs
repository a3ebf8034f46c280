//! One catalogue of codes: title, cause, what to do, whether trying again helps. Feeds problems of the API,
//! the command line's `explain` and the documentation.
//!
//! The texts stand in the `.txt` files of this folder. A block begins with its codes at the left margin;
//! `{side}` in it is the side that the code names; what else stands in braces is told by whoever met it, and shown
//! in capitals to whoever only asks. A test fails on a code without a block.

use std::sync::OnceLock;

use serde::Serialize;

#[cfg(test)]
mod tests;

const TEXTS: [&str; 10] = [
    include_str!("errors.txt"),
    include_str!("findings.txt"),
    include_str!("items.txt"),
    include_str!("csv.txt"),
    include_str!("requests.txt"),
    include_str!("service.txt"),
    include_str!("doctor.txt"),
    include_str!("stalls.txt"),
    include_str!("statuses.txt"),
    include_str!("classic.txt"),
];

/// What there is to say about a code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The code, verbatim.
    pub code: String,
    /// A few words.
    pub title: String,
    /// What it means, in one or two sentences.
    pub cause: String,
    /// What to do, each to be done by itself.
    pub fix: Vec<String>,
    /// What to do for Microsoft's own framework, where that is something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<String>,
    /// Sentences of other tools that mean the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Whether the same may succeed later without anybody doing anything.
    pub retryable: bool,
    /// Of a stall: after so many seconds somebody has to look.
    #[serde(rename = "escalateAfterSeconds", skip_serializing_if = "Option::is_none")]
    pub escalate_after: Option<u32>,
    /// What to do then.
    #[serde(rename = "nextStep", skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// Whether only Microsoft's own service can know it: explained here, and never guessed.
    #[serde(rename = "onlyMicrosoft", skip_serializing_if = "std::ops::Not::not")]
    pub only_microsoft: bool,
    /// Cause, fixes and native fixes as they stand in the file.
    #[serde(skip)]
    raw: (String, Vec<String>, Vec<String>),
}

impl Entry {
    /// Cause and fixes with what was met in place of the braces. A fix that speaks of something that was not met is
    /// left out, unless none would be left: then all stand there, with capitals in place of the braces.
    pub fn told(&self, facts: &[(&str, String)]) -> (String, Vec<String>) {
        (in_capitals(&fill(&self.raw.0, facts)), met(&self.raw.1, facts))
    }

    /// What to do for Microsoft's own framework: the fixes that are no settings of ours, unless others are named.
    pub fn told_natively(&self, facts: &[(&str, String)]) -> Vec<String> {
        let fixes = if self.raw.2.is_empty() { &self.raw.1 } else { &self.raw.2 };
        let fixes: Vec<String> = fixes.iter().filter(|fix| !is_ours(fix)).cloned().collect();
        met(&fixes, facts)
    }
}

/// Whether it is a command or a flag of ours.
fn is_ours(fix: &str) -> bool {
    fix.contains("mailferry ") || fix.split(' ').any(|word| word.starts_with("--"))
}

fn fill(text: &str, facts: &[(&str, String)]) -> String {
    let told = |text: String, (name, value): &(&str, String)| {
        text.replace(&format!("{{{name}}}"), value.trim_end_matches('.'))
    };
    facts.iter().fold(text.to_owned(), told)
}

/// Those that speak of what was met; all, where there are none.
fn met(fixes: &[String], facts: &[(&str, String)]) -> Vec<String> {
    let filled: Vec<String> = fixes.iter().map(|fix| fill(fix, facts)).collect();
    match filled.iter().all(|fix| has_braces(fix)) {
        true => filled.iter().map(|fix| in_capitals(fix)).collect(),
        false => filled.into_iter().filter(|fix| !has_braces(fix)).collect(),
    }
}

/// Whether a name in braces is left. Patterns such as `{user}*{admin}` are written with round ones in the files.
fn has_braces(text: &str) -> bool {
    text.contains('{')
}

/// What stands in braces, in capitals.
fn in_capitals(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| match part.split_once('}') {
        Some((name, rest)) => shown + &name.to_uppercase() + rest,
        None => shown + "{" + part,
    })
}

/// All entries in the order of the files.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| TEXTS.into_iter().flat_map(read).collect())
}

/// The entry of a code, without case; or of a sentence of another tool, as it was pasted.
pub fn find(code: &str) -> Option<&'static Entry> {
    let by_code = entries().iter().find(|e| e.code.eq_ignore_ascii_case(code.trim()));
    by_code.or_else(|| by_sentence(code))
}

/// Sentences are longer than codes, and stand among other words.
fn by_sentence(text: &str) -> Option<&'static Entry> {
    const SHORTEST: usize = 12;
    let text = text.to_lowercase().replace('’', "'");
    let fits = |e: &&Entry| e.also.iter().any(|also| text.contains(&also.to_lowercase()));
    (text.len() >= SHORTEST).then(|| entries().iter().find(fits))?
}

/// The codes that look like a mistyped one, nearest first, at most three.
pub fn near(code: &str) -> Vec<&'static str> {
    let wanted = code.trim().to_lowercase();
    let score = |e: &Entry| {
        let known = e.code.to_lowercase();
        let parts = wanted.split('_').filter(|p| p.len() > 2 && known.contains(p)).count();
        parts + usize::from(known.starts_with(&wanted) || wanted.starts_with(&known))
    };
    let mut found: Vec<(usize, &str)> =
        entries().iter().map(|e| (score(e), e.code.as_str())).filter(|(n, _)| *n > 0).collect();
    found.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    found.into_iter().take(3).map(|(_, code)| code).collect()
}

/// `15m` or `4h`, in seconds.
fn minutes(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let each = match unit {
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|n| n * each)
}

/// Reads one file: blocks of `CODE …` followed by indented `title`, `cause`, `fix`, `native` and `retry` lines; of stalls
/// also `escalate`, `then` and `whose`.
fn read(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut block = 0;
    for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let Some(said) = line.strip_prefix("  ") else {
            block = entries.len();
            entries
                .extend(line.split_whitespace().map(|code| Entry { code: code.into(), ..Entry::default() }));
            continue;
        };
        let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
        for entry in &mut entries[block..] {
            let side = if entry.code.to_lowercase().contains("target") { "target" } else { "source" };
            let rest = rest.trim().replace("{side}", side);
            match word {
                "title" => entry.title = rest,
                "cause" => entry.cause = rest,
                "fix" => entry.fix.push(rest),
                "native" => entry.native.push(rest),
                "also" => entry.also.push(rest),
                "retry" => entry.retryable = rest == "yes",
                "escalate" => entry.escalate_after = minutes(&rest),
                "then" => entry.next_step = Some(rest),
                "whose" => entry.only_microsoft = rest == "microsoft",
                _ => {}
            }
        }
    }
    for entry in &mut entries {
        entry.raw = (entry.cause.clone(), entry.fix.clone(), entry.native.clone());
        entry.cause = in_capitals(&entry.cause);
        entry.fix.iter_mut().chain(&mut entry.native).for_each(|fix| *fix = in_capitals(fix));
    }
    entries
}
