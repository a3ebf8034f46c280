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

    fn figures(&self) -> Figures {
        let (near, far) = (Distance::Loopback, Distance::Rtt20);
        let ours = self.row(near, Tool::Mailferry);
        let cpu =
            ours.zip(self.row(near, Tool::Raw)).map(|(ours, raw)| rounded(ours.cpu / raw.cpu.max(0.01)));
        let peaks =
            self.rows.iter().filter(|((_, tool), _)| *tool == Tool::Mailferry).map(|(_, row)| row.peak_mib);
        Figures {
            ratio_to_raw: self.faster(near, Tool::Raw),
            ratio_to_mbsync: self.faster(near, Tool::Mbsync),
            rtt20_ratio_to_raw: self.faster(far, Tool::Raw),
            rtt20_ratio_to_mbsync: self.faster(far, Tool::Mbsync),
            nochange_excess_ms: self.second(near).map(|(ours, theirs)| rounded((ours - theirs) * 1000.0)),
            rtt20_nochange_ratio_to_mbsync: self.second(far).map(|(ours, theirs)| rounded(ours / theirs)),
            cpu_ratio_to_raw: cpu,
            peak_mib: peaks.reduce(f64::max).map(rounded),
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
