//! Counting tests: what nextest, Cargo's own test runner and our Python scripts say at their ends.

use std::fmt;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// As they should.
    pub passed: u32,
    /// Not as they should.
    pub failed: u32,
    /// Not run.
    pub skipped: u32,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl Count {
    /// Takes another count in.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Reads every line that sums up: `Summary […] 3 tests run: …` of nextest, `test result: …` of
    /// Cargo, and `[name: ]N passed, N failed, N skipped` of our scripts.
    pub fn read(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines().map(str::trim) {
            let sums = if line.starts_with("Summary [") {
                line.split_once("run:").map(|(_, sums)| sums)
            } else if let Some(rest) = line.strip_prefix("test result:") {
                rest.split_once('.').map(|(_, sums)| sums)
            } else {
                let sums = line.split_once(": ").map_or(line, |(_, sums)| sums);
                (line.ends_with(" skipped") && line.contains(" passed, ")).then_some(sums)
            };
            all.add(sums.map(Self::sums).unwrap_or_default());
        }
        all
    }

    fn sums(text: &str) -> Self {
        let mut count = Self::default();
        for part in text.split([',', ';']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            match words.next().unwrap_or_default() {
                "passed" => count.passed += number,
                "failed" | "timed" | "exec" => count.failed += number,
                "skipped" | "ignored" => count.skipped += number,
                _ => {}
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    fn count(passed: u32, failed: u32, skipped: u32) -> Count {
        Count { passed, failed, skipped }
    }

    #[test]
    fn sums_of_all_runners() {
        let nextest =
            "     Summary [   0.310s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped";
        assert_eq!(Count::read(nextest), count(9, 3, 3));
        let libtest = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s\n\
                       test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(Count::read(libtest), count(4, 1, 1));
        assert_eq!(Count::read("words\n4 passed, 0 failed, 1 skipped\n"), count(4, 0, 1));
        assert_eq!(Count::read("interop: 119 passed, 1 failed, 4 skipped"), count(119, 1, 4));
        assert_eq!(Count::read("Starting 3 tests, which passed once"), Count::default());
    }

    #[test]
    fn the_closing_line() {
        assert_eq!(count(3, 0, 1).to_string(), "3 passed, 0 failed, 1 skipped");
    }
}
