//! Findings: the answer to one question about a mail system, as data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Side,
    words::{quoted, shown, shown_in_line},
};

/// The steps of a test, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Names.
    Dns,
    /// The connection.
    Tcp,
    /// Its security.
    Tls,
    /// What is spoken.
    Protocol,
    /// Who signs in.
    Auth,
    /// What that account may do.
    Permission,
    /// Whether a mailbox opens.
    Mailbox,
}

impl Step {
    /// All seven in order.
    pub const ALL: [Step; 7] =
        [Step::Dns, Step::Tcp, Step::Tls, Step::Protocol, Step::Auth, Step::Permission, Step::Mailbox];

    /// The exit code of a test that fails here, for the source side; the target side adds 10.
    pub fn exit_code(self) -> u8 {
        match self {
            Step::Dns => 20,
            Step::Tcp => 21,
            Step::Tls => 22,
            Step::Auth => 23,
            Step::Permission => 24,
            Step::Protocol => 25,
            Step::Mailbox => 27,
        }
    }
}

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Works, but somebody should know.
    Warn,
    /// Does not work.
    Fail,
    /// Could not be asked.
    NotRun,
    /// Not ours to say.
    Unknown,
}

impl Verdict {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotRun => "not run",
            Self::Unknown => "unknown",
        }
    }
}

/// A question: what a probe asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// Its step.
    pub step: Step,
    /// Stable, kebab-case.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
}

impl Check {
    /// A question of that step.
    pub const fn of(step: Step, id: &'static str, title: &'static str) -> Self {
        Self { step, id, title }
    }
}

/// An answer. The fields and their names are those of `endpoint test -o json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// The check.
    pub id: String,
    /// For people.
    pub title: String,
    /// What it means for us.
    pub outcome: Verdict,
    /// What it means for Microsoft's own framework.
    pub native: Verdict,
    /// The other side's words, verbatim, at most 4 KiB, secrets masked.
    pub evidence: String,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Why, in one sentence, unless it passed.
    pub cause: Option<String>,
    /// Catalogue code, unless it passed.
    pub code: Option<String>,
    /// What to do, each to be copied.
    pub fix: Vec<String>,
    /// What to do for Microsoft's own framework, where it minds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native_fix: Vec<String>,
    /// Where to read on.
    pub docs: Option<String>,
    /// What else was seen, by name: the certificate's end, its host names, the addresses.
    #[serde(flatten)]
    pub seen: BTreeMap<String, serde_json::Value>,
}

/// A cause is a sentence: longer ones, as of a certificate with a thousand names, are cut.
const LONGEST_CAUSE: usize = 1000;

impl Finding {
    /// A passed check.
    pub fn pass(check: &Check, evidence: impl Into<String>, elapsed_ms: u64) -> Self {
        Self {
            step: check.step,
            id: check.id.to_owned(),
            title: check.title.to_owned(),
            outcome: Verdict::Pass,
            native: Verdict::Pass,
            evidence: evidence.into(),
            elapsed_ms,
            cause: None,
            code: None,
            fix: Vec::new(),
            native_fix: Vec::new(),
            docs: None,
            seen: BTreeMap::new(),
        }
    }

    /// Whether it says yes or no, be it with a warning.
    fn is_answered(&self) -> bool {
        match self.outcome {
            Verdict::Pass | Verdict::Fail => true,
            Verdict::Warn => self.native != Verdict::Unknown,
            Verdict::NotRun | Verdict::Unknown => false,
        }
    }

    /// Without what a server could write into a terminal by it, and no longer than anybody reads.
    fn readable(mut self) -> Self {
        let line = |text: String| {
            let text = shown_in_line(&text);
            match text.char_indices().nth(LONGEST_CAUSE) {
                Some((end, _)) => format!("{} …", &text[..end]),
                None => text,
            }
        };
        self.cause = self.cause.map(line);
        self.evidence = shown(&self.evidence).into_owned();
        self.fix.iter_mut().chain(&mut self.native_fix).for_each(|fix| *fix = shown(fix).into_owned());
        self
    }

    /// A check that could not be asked.
    pub fn not_run(check: &Check) -> Self {
        Self { outcome: Verdict::NotRun, native: Verdict::Unknown, ..Self::pass(check, "", 0) }
    }
}

/// The answers of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// `Success` or `Failed`.
    pub result: String,
    /// What all of it means for Microsoft's own framework: `Success`, `Failed`, or `Unknown` where it says too little.
    pub native: String,
    /// One row per check.
    pub steps: Vec<Finding>,
    /// Whether somebody signed in; unknown of old ones and where nobody has to.
    #[serde(default, rename = "signedIn", skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<bool>,
    /// When it was made; unknown of old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// As what it was tested; unknown of old ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<TestedAs>,
    /// When the last good test was made, where something is different since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What is different since the last good test, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// What came of connecting again and again, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Repeated>,
}

/// Connecting again and again, without signing in: whether the way to a system holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repeated {
    /// How often.
    pub times: u64,
    /// How often that failed.
    pub failed: u64,
    /// How often a connection was reset or closed without a word.
    pub resets: u64,
    /// Failures by their codes.
    pub codes: BTreeMap<String, u64>,
    /// Milliseconds until the system spoke: the least, the middle one, the one of 95 in 100, the most.
    pub latency_ms: [u64; 4],
}

impl Repeated {
    /// Sums up: the milliseconds of what worked, and the codes of what did not.
    pub fn of(mut worked: Vec<u64>, codes: &[String]) -> Self {
        worked.sort_unstable();
        let at =
            |part: usize| worked.get((worked.len().saturating_sub(1)) * part / 100).copied().unwrap_or(0);
        let mut by_code = BTreeMap::new();
        codes.iter().for_each(|code| *by_code.entry(code.clone()).or_insert(0) += 1);
        let resets = |code: &&String| {
            ["RESET", "HUNG_UP", "CLOSED", "NO_ANSWER"].iter().any(|end| code.ends_with(end))
        };
        Self {
            times: (worked.len() + codes.len()) as u64,
            failed: codes.len() as u64,
            resets: codes.iter().filter(resets).count() as u64,
            codes: by_code,
            latency_ms: [at(0), at(50), at(95), at(100)],
        }
    }
}

impl TestResult {
    /// Whether it was made in that role; one that does not say in which counts for each.
    pub fn is_of(&self, role: TestedAs) -> bool {
        self.roles.is_empty() || self.roles.contains(&role)
    }

    /// Puts the endpoint's name where remedies speak of one; of what is stored nowhere they speak of the same command
    /// with another flag.
    pub fn speak_of(&mut self, endpoint: Option<&str>) {
        let named = |fix: &mut String| match endpoint {
            Some(name) => {
                let quoted = quoted(name);
                for before in ["endpoint set ", "endpoint test ", "-Identity ", "-Name "] {
                    *fix = fix.replace(&format!("{before}NAME"), &format!("{before}{quoted}"));
                }
            }
            None => {
                for command in ["mailferry endpoint set NAME", "mailferry endpoint test NAME"] {
                    *fix = fix.replace(command, "this command with");
                }
                *fix = fix.replace("Set-MigrationEndpoint -Identity NAME", "this command with");
            }
        };
        self.steps.iter_mut().flat_map(|s| s.fix.iter_mut().chain(&mut s.native_fix)).for_each(named);
    }

    /// Sums findings up: failed if one failed or nothing could be asked. What it means for Microsoft's own framework is a
    /// sum of its own.
    pub fn of(steps: Vec<Finding>) -> Self {
        let steps: Vec<Finding> = steps.into_iter().map(Finding::readable).collect();
        let sign_in = || steps.iter().filter(|s| s.step == Step::Auth);
        let signed_in = sign_in().next().is_some().then(|| sign_in().all(Finding::is_answered));
        let failed = steps.iter().any(|s| s.outcome == Verdict::Fail)
            || steps.iter().all(|s| s.outcome == Verdict::NotRun);
        let is_known = |row: &Finding| row.outcome == Verdict::NotRun || row.native != Verdict::Unknown;
        let native = match () {
            () if steps.iter().any(|s| s.native == Verdict::Fail) => "Failed",
            // What was not asked for another's sake says nothing either.
            () if failed || signed_in == Some(false) || !steps.iter().all(is_known) => "Unknown",
            () => "Success",
        };
        let result = if failed { "Failed" } else { "Success" };
        Self {
            result: result.to_owned(),
            native: native.to_owned(),
            steps,
            signed_in,
            at: None,
            roles: Vec::new(),
            since: None,
            changes: Vec::new(),
            repeated: None,
        }
    }

    /// Whether nothing failed, but nobody signed in: it says nothing about the account. Old tests have a word of their own
    /// for that.
    pub fn is_without_sign_in(&self) -> bool {
        self.result == "Warning" || self.result == "Success" && self.signed_in == Some(false)
    }

    /// A row that says why nothing could be asked, where nothing could.
    pub fn unasked(&self) -> Option<&Finding> {
        let nothing = self.steps.iter().all(|s| s.outcome == Verdict::NotRun);
        self.steps.first().filter(|row| nothing && row.cause.is_some())
    }

    /// What is different since a good test: verdicts, and what was seen, such as the certificate or the addresses.
    pub fn changes_since(&self, good: &TestResult) -> Vec<String> {
        let mut changes = Vec::new();
        for row in &self.steps {
            let Some(before) = good.steps.iter().find(|b| b.id == row.id) else { continue };
            let word = |f: &Finding| f.code.clone().unwrap_or_else(|| f.outcome.word().to_owned());
            if row.outcome == Verdict::NotRun {
                continue;
            }
            if word(before) != word(row) {
                changes.push(format!("{}: {} before, {} now", row.id, word(before), word(row)));
            }
            for (name, value) in &before.seen {
                if let Some(now) = row.seen.get(name).filter(|now| *now != value) {
                    changes.push(format!("{}: {name} was {value}, is {now}", row.id));
                }
            }
        }
        changes
    }

    /// The sign-in that was refused until a person mends it (`NeedsToConnect`): none where the server was only busy,
    /// silent or gone.
    pub fn refusal(&self) -> Option<&Finding> {
        let failing = self.steps.iter().find(|s| s.outcome == Verdict::Fail)?;
        let code = failing.code.as_deref().unwrap_or_default();
        (failing.step == Step::Auth && !PASSING.iter().any(|end| code.ends_with(end))).then_some(failing)
    }

    /// The exit code: of the first failing step, 7 where nothing could be asked.
    pub fn exit_code(&self, target: TestedAs) -> u8 {
        let failing = self.steps.iter().find(|s| s.outcome == Verdict::Fail);
        match failing {
            Some(f) if f.code.as_deref().is_some_and(is_about_limits) => 26 + target.offset(),
            Some(f) => f.step.exit_code() + target.offset(),
            None if self.result == "Failed" => 7,
            None => 0,
        }
    }
}

/// How the detail of a batch says that its endpoint does not do.
pub const LAST_TEST_FAILED: &str = "its last test failed";

/// Ends of codes that name what passes by itself, met while signing in.
const PASSING: [&str; 16] = [
    "THROTTLED",
    "IN_USE",
    "HELD",
    "DRIPS",
    "NO_END",
    "BUSY",
    "TIMEOUT",
    "UNREACHABLE",
    "SILENT",
    "NO_ANSWER",
    "UNAVAILABLE",
    "HUNG_UP",
    "HUNG_UP_AT_SIGN_IN",
    "BYE",
    "GARBLED",
    "CANCELLED",
];

/// Throttling, quota and mailboxes that somebody else holds have an exit code of their own, at whatever step they were
/// met.
fn is_about_limits(code: &str) -> bool {
    ["THROTTLED", "QUOTA_EXCEEDED", "MAILBOX_FULL", "IN_USE"].iter().any(|end| code.ends_with(end))
}

/// The side that a tested endpoint plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestedAs {
    /// It will be read.
    Source,
    /// It will be written.
    Target,
}

impl TestedAs {
    /// The role that plays this side.
    pub fn of(side: Side) -> Self {
        if side == Side::Target { Self::Target } else { Self::Source }
    }

    /// The side that it plays.
    pub fn side(self) -> Side {
        if self == Self::Target { Side::Target } else { Side::Source }
    }

    fn offset(self) -> u8 {
        if self == TestedAs::Target { 10 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sums_of_their_own() {
        use Verdict::{Fail, NotRun, Pass, Unknown, Warn};
        static CHECK: Check = Check::of(Step::Protocol, "x", "X");
        static SIGN_IN: Check = Check::of(Step::Auth, "y", "Y");
        let signs_in = Finding::pass(&SIGN_IN, "", 0);
        for (outcome, native, result, natively) in [
            (Pass, Pass, "Success", "Success"),
            (Warn, Warn, "Success", "Success"),
            (Warn, Fail, "Success", "Failed"),
            (Warn, Unknown, "Success", "Unknown"),
            (Fail, Fail, "Failed", "Failed"),
            (Fail, Unknown, "Failed", "Unknown"),
            (Fail, Pass, "Failed", "Unknown"),
            (NotRun, Unknown, "Success", "Success"),
        ] {
            let row = Finding { outcome, native, ..Finding::pass(&CHECK, "", 0) };
            let told = TestResult::of(vec![row, signs_in.clone()]);
            assert_eq!((&*told.result, &*told.native), (result, natively), "{outcome:?} {native:?}");
        }
        let nothing = TestResult::of(vec![Finding::not_run(&CHECK), Finding::not_run(&SIGN_IN)]);
        assert_eq!((&*nothing.result, &*nothing.native), ("Failed", "Unknown"));
        let nobody = TestResult::of(vec![Finding::pass(&CHECK, "", 0), Finding::not_run(&SIGN_IN)]);
        assert_eq!((&*nobody.result, &*nobody.native), ("Success", "Unknown"));
        assert!(nobody.is_without_sign_in() && !nothing.is_without_sign_in());
    }

    #[test]
    fn remedies_speak_of_the_endpoint_or_of_this_command() {
        static CHECK: Check = Check::of(Step::Auth, "x", "X");
        let told = |endpoint| {
            let fix = [
                "Then: mailferry endpoint set NAME --password-file FILE",
                "mailferry endpoint new NAME --type imap",
            ];
            let native = [
                "Set-MigrationEndpoint -Identity NAME -RemoteServer SERVER",
                "New-MigrationEndpoint -Name NAME -IMAP",
            ];
            let mut result = TestResult::of(vec![Finding {
                fix: fix.map(str::to_owned).into(),
                native_fix: native.map(str::to_owned).into(),
                ..Finding::not_run(&CHECK)
            }]);
            result.speak_of(endpoint);
            let step = result.steps.remove(0);
            [step.fix, step.native_fix].concat()
        };
        assert_eq!(
            told(Some("first wave")),
            [
                "Then: mailferry endpoint set \"first wave\" --password-file FILE",
                "mailferry endpoint new NAME --type imap",
                "Set-MigrationEndpoint -Identity \"first wave\" -RemoteServer SERVER",
                "New-MigrationEndpoint -Name \"first wave\" -IMAP",
            ]
        );
        assert_eq!(
            told(None),
            [
                "Then: this command with --password-file FILE",
                "mailferry endpoint new NAME --type imap",
                "this command with -RemoteServer SERVER",
                "New-MigrationEndpoint -Name NAME -IMAP",
            ]
        );
    }
}
