//! How numbers are written: OpenMetrics 1.0, and the older text format of Prometheus. Which there are is `gather`'s.

use std::fmt::Write as _;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `application/openmetrics-text`
    OpenMetrics,
    /// `text/plain; version=0.0.4`
    Prometheus,
}

impl Syntax {
    /// By what whoever asks accepts.
    pub fn of(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// What an answer says of itself.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// How a number behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rises and falls.
    Gauge,
    /// Only rises while the service runs.
    Counter,
}

/// Numbers of one name.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// With the prefix; that of a counter ends with `_total`.
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, u64)>,
}

impl Family {
    pub fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, help, samples: Vec::new() }
    }

    pub fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, help, samples: Vec::new() }
    }

    /// One number more; no two have the same labels.
    pub fn add<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: u64) {
        let labels = labels.map(|(name, value)| (name, value.to_owned()));
        self.samples.push((labels.into(), value));
    }
}

/// All of them as text.
pub(super) fn written(families: &[Family], syntax: Syntax) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let counted = family.kind == Kind::Counter && syntax == Syntax::OpenMetrics;
        let name = if counted { family.name.trim_end_matches("_total") } else { family.name };
        let kind = if family.kind == Kind::Counter { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
        for (labels, value) in &family.samples {
            text.push_str(family.name);
            for (at, (label, value)) in labels.iter().enumerate() {
                let before = if at == 0 { '{' } else { ',' };
                let _ = write!(text, "{before}{label}=\"{}\"", escaped(value));
            }
            let _ = writeln!(text, "{} {value}", if labels.is_empty() { "" } else { "}" });
        }
    }
    if syntax == Syntax::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        let mut gauge = Family::gauge("mailferry_mailboxes", "Mailboxes.");
        gauge.add([("batch", "a\"b\\c\nd"), ("state", "queued")], 3);
        let mut counter = Family::counter("mailferry_items_total", "Items.");
        counter.add([], 7);
        vec![gauge, counter, Family::gauge("mailferry_nothing", "None.")]
    }

    #[test]
    fn both_syntaxes_have_their_own_heads_and_the_same_samples() {
        let open = written(&families(), Syntax::OpenMetrics);
        assert_eq!(
            open,
            "# HELP mailferry_mailboxes Mailboxes.\n# TYPE mailferry_mailboxes gauge\n\
             mailferry_mailboxes{batch=\"a\\\"b\\\\c\\nd\",state=\"queued\"} 3\n\
             # HELP mailferry_items Items.\n# TYPE mailferry_items counter\nmailferry_items_total 7\n# EOF\n"
        );
        let older = written(&families(), Syntax::Prometheus);
        assert!(
            older.contains("# TYPE mailferry_items_total counter\n") && !older.contains("EOF"),
            "{older}"
        );
        assert_eq!(Syntax::of("application/openmetrics-text;version=1.0.0,*/*;q=0.1"), Syntax::OpenMetrics);
        assert_eq!(Syntax::of("*/*"), Syntax::Prometheus);
    }
}
