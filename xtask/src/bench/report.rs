//! Medians, a table for people and one line of JSON for scripts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::corpus::Corpus;
use super::imap::Distance;
use super::meter::Used;
use super::tools::Tool;

/// One copy.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// What it used.
    pub copy: Used,
    /// Seconds of the pass without changes.
    pub second: Option<f64>,
}

/// The medians of one tool at one distance.
#[derive(Debug, Clone, Copy)]
struct Row {
    seconds: f64,
    cpu: f64,
    peak_mib: f64,
    nochange: Option<f64>,
}

/// All medians.
#[derive(Debug)]
pub struct Report {
    rows: BTreeMap<(Distance, Tool), Row>,
    usual: Corpus,
    heavy: Corpus,
}

/// The figures by which mailferry is judged; null where something was not measured.
#[derive(Debug, Serialize)]
struct Figures {
    ratio_to_raw: Option<f64>,
    ratio_to_mbsync: Option<f64>,
    rtt20_ratio_to_raw: Option<f64>,
    rtt20_ratio_to_mbsync: Option<f64>,
    nochange_excess_ms: Option<f64>,
    rtt20_nochange_ratio_to_mbsync: Option<f64>,
    cpu_ratio_to_raw: Option<f64>,
    peak_mib: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ratio_to_rawcopy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_counts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt20_raw_counts: Option<bool>,
}

impl Report {
    /// Takes the medians; of memory the highest.
    pub fn new(samples: &BTreeMap<(Distance, Tool), Vec<Sample>>, usual: Corpus, heavy: Corpus) -> Self {
        let row = |all: &Vec<Sample>| Row {
            seconds: median(all.iter().map(|one| one.copy.seconds)).unwrap_or(0.0),
            cpu: median(all.iter().map(|one| one.copy.cpu)).unwrap_or(0.0),
            peak_mib: all.iter().map(|one| one.copy.peak_mib).fold(0.0, f64::max),
            nochange: median(all.iter().filter_map(|one| one.second)),
        };
        Self { rows: samples.iter().map(|(key, all)| (*key, row(all))).collect(), usual, heavy }
    }

    fn row(&self, distance: Distance, tool: Tool) -> Option<&Row> {
        self.rows.get(&(distance, tool))
    }

    /// How much faster mailferry is than another tool: its seconds divided by ours.
    fn faster(&self, distance: Distance, than: Tool) -> Option<f64> {
        let (theirs, ours) = (self.row(distance, than)?, self.row(distance, Tool::Mailferry)?);
        Some(rounded(theirs.seconds / ours.seconds))
    }

    /// The passes without changes: ours and mbsync's.
    fn second(&self, distance: Distance) -> Option<(f64, f64)> {
        let pass = |tool: Tool| self.row(distance, tool).and_then(|row| row.nochange);
        Some((pass(Tool::Mailferry)?, pass(Tool::Mbsync)?))
    }

    /// Those that should be no faster than the raw loop, with the seconds of both.
    fn beside_raw(&self, distance: Distance) -> impl Iterator<Item = (Tool, f64, f64)> {
        let raw = self.row(distance, Tool::Raw);
        let others = [Tool::Rawcopy, Tool::Doveadm].into_iter();
        others.filter_map(move |tool| Some((tool, self.row(distance, tool)?.seconds, raw?.seconds)))
    }

    /// Whether the raw loop is a yard-stick: no slower than the others. Nothing where there are none.
    fn raw_counts(&self, distance: Distance) -> Option<bool> {
        self.beside_raw(distance).map(|(_, theirs, raw)| raw <= theirs).reduce(|all, one| all && one)
    }

    fn figures(&self) -> Figures {
        let (near, far) = (Distance::Loopback, Distance::Rtt20);
        let ours = self.row(near, Tool::Mailferry);
        let cpu = |of: Tool| {
            ours.zip(self.row(near, of)).map(|(ours, theirs)| rounded(ours.cpu / theirs.cpu.max(0.01)))
        };
        let peaks =
            self.rows.iter().filter(|((_, tool), _)| *tool == Tool::Mailferry).map(|(_, row)| row.peak_mib);
        Figures {
            ratio_to_raw: self.faster(near, Tool::Raw),
            ratio_to_mbsync: self.faster(near, Tool::Mbsync),
            rtt20_ratio_to_raw: self.faster(far, Tool::Raw),
            rtt20_ratio_to_mbsync: self.faster(far, Tool::Mbsync),
            nochange_excess_ms: self.second(near).map(|(ours, theirs)| rounded((ours - theirs) * 1000.0)),
            rtt20_nochange_ratio_to_mbsync: self.second(far).map(|(ours, theirs)| rounded(ours / theirs)),
            cpu_ratio_to_raw: cpu(Tool::Raw),
            peak_mib: peaks.reduce(f64::max).map(rounded),
            cpu_ratio_to_rawcopy: cpu(Tool::Rawcopy),
            raw_counts: self.raw_counts(near),
            rtt20_raw_counts: self.raw_counts(far),
        }
    }

    /// One line for scripts.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.figures())?)
    }

    /// One row a tool and distance.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<10} {:<15} {:>8} {:>11} {:>7} {:>7} {:>9} {:>11}\n",
            "distance", "tool", "seconds", "messages/s", "MB/s", "CPU s", "peak MiB", "no change s"
        );
        for ((distance, tool), row) in &self.rows {
            let nochange = row.nochange.map_or("–".to_owned(), |seconds| format!("{seconds:.3}"));
            let corpus = if *distance == Distance::Heavy { self.heavy } else { self.usual };
            let _ = writeln!(
                text,
                "{:<10} {:<15} {:>8.2} {:>11.0} {:>7.1} {:>7.2} {:>9.1} {nochange:>11}",
                distance.name(),
                tool.name(),
                row.seconds,
                corpus.messages as f64 / row.seconds,
                corpus.bytes as f64 / 1e6 / row.seconds,
                row.cpu,
                row.peak_mib,
            );
        }
        for distance in [Distance::Loopback, Distance::Rtt20] {
            for (tool, theirs, _) in self.beside_raw(distance).filter(|(_, theirs, raw)| raw > theirs) {
                let (distance, tool) = (distance.name(), tool.name());
                let _ = writeln!(text, "raw does not count at {distance}: {tool} took {theirs:.2} s");
            }
        }
        text
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied()?;
    let is_even = sorted.len().is_multiple_of(2);
    Some(if is_even { (upper + sorted.get(middle - 1).copied()?) / 2.0 } else { upper })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Corpus, Distance, Report, Sample, Tool, Used, median};

    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }

    #[test]
    fn a_raw_loop_that_is_slower_than_another_does_not_count() {
        let one = |seconds, cpu| vec![Sample { copy: Used { seconds, cpu, peak_mib: 1.0 }, second: None }];
        let corpus = Corpus { messages: 10, bytes: 10 };
        let mut samples = BTreeMap::from([
            ((Distance::Loopback, Tool::Raw), one(2.0, 0.5)),
            ((Distance::Loopback, Tool::Rawcopy), one(2.0, 0.25)),
            ((Distance::Loopback, Tool::Doveadm), one(2.5, 1.0)),
            ((Distance::Loopback, Tool::Mailferry), one(2.5, 1.0)),
        ]);
        let report = Report::new(&samples, corpus, corpus);
        assert!(report.json().unwrap().ends_with("\"cpu_ratio_to_rawcopy\":4.0,\"raw_counts\":true}"));
        assert!(!report.table().contains("does not count"));
        samples.insert((Distance::Loopback, Tool::Rawcopy), one(1.9, 0.25));
        let report = Report::new(&samples, corpus, corpus);
        assert!(report.json().unwrap().ends_with("\"raw_counts\":false}"));
        assert!(report.table().contains("raw does not count at loopback: rawcopy took 1.90 s"));
    }

    #[test]
    fn figures_are_ratios_to_the_others_and_null_when_missing() {
        let one = |seconds, cpu, second| vec![Sample { copy: Used { seconds, cpu, peak_mib: 40.0 }, second }];
        let corpus = Corpus { messages: 10, bytes: 10 };
        let samples = BTreeMap::from([
            ((Distance::Loopback, Tool::Raw), one(2.0, 0.5, None)),
            ((Distance::Loopback, Tool::Mbsync), one(5.0, 1.0, Some(0.06))),
            ((Distance::Loopback, Tool::Mailferry), one(2.5, 0.75, Some(0.1))),
        ]);
        assert_eq!(
            Report::new(&samples, corpus, corpus).json().unwrap(),
            "{\"ratio_to_raw\":0.8,\"ratio_to_mbsync\":2.0,\"rtt20_ratio_to_raw\":null,\"rtt20_ratio_to_mbsync\":null,\
             \"nochange_excess_ms\":40.0,\"rtt20_nochange_ratio_to_mbsync\":null,\"cpu_ratio_to_raw\":1.5,\"peak_mib\":40.0}"
        );
    }
}
