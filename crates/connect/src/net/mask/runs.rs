//! A secret by its letters and digits: encodings and quotations change the signs between them, letters beyond ASCII and
//! their length, and leave these alone. Found where all longer ones stand in their order, close to each other.

use std::ops::Range;

/// Shorter runs of letters and digits stand in every text.
const SHORTEST: usize = 3;
/// Together they have at least so many characters, and make up at least two fifths of the secret.
const ENOUGH: usize = 6;
/// Of a sign of the secret so many octets may have become, at most.
const GROWN: usize = 12;

/// A run of letters and digits, and where it stands in the secret.
struct Run<'a> {
    text: &'a str,
    at: usize,
}

/// Where it stands, in order and apart, with what belongs to it on both sides.
pub(super) fn found(text: &str, secret: &str) -> Vec<Range<usize>> {
    let runs = runs(secret);
    let length: usize = runs.iter().map(|run| run.text.len()).sum();
    let Some((first, rest)) = runs
        .split_first()
        .filter(|_| length >= ENOUGH && length * 5 >= secret.chars().count() * 2 && length < secret.len())
    else {
        return Vec::new();
    };
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(begin) = find(text, first.text, from..text.len()) {
        from = begin + first.text.len();
        let mut end = Some((from, first));
        for run in rest {
            end = end.and_then(|(at, before)| {
                let gap = run.at - before.at - before.text.len();
                let to = (at + gap * GROWN + run.text.len()).min(text.len());
                find(text, run.text, at..to).map(|place| (place + run.text.len(), run))
            });
        }
        if let Some((end, last)) = end {
            let (begin, end) = whole(text, begin..end, (first.at, secret.len() - last.at - last.text.len()));
            if found.last().is_none_or(|before: &Range<usize>| before.end <= begin) {
                found.push(begin..end);
            }
            from = from.max(end);
        }
    }
    found
}

fn runs(secret: &str) -> Vec<Run<'_>> {
    let is_sign = |c: char| !c.is_ascii_alphanumeric();
    let mut begins = 0;
    let pieces = secret.split_inclusive(is_sign).map(|piece| {
        let at = begins;
        begins += piece.len();
        Run { text: piece.trim_end_matches(is_sign), at }
    });
    pieces.filter(|run| run.text.len() >= SHORTEST).collect()
}

/// In whatever capitals.
fn find(text: &str, run: &str, within: Range<usize>) -> Option<usize> {
    let octets = text.as_bytes().get(within.clone())?;
    let same = |window: &[u8]| window.eq_ignore_ascii_case(run.as_bytes());
    octets.windows(run.len()).position(same).map(|offset| within.start + offset)
}

/// With what the secret has before and behind, up to white space.
fn whole(text: &str, place: Range<usize>, (before, behind): (usize, usize)) -> (usize, usize) {
    let is_part = |octet: &&u8| !octet.is_ascii_whitespace();
    let octets = text.as_bytes();
    let left = octets[..place.start].iter().rev().take(before * GROWN).take_while(is_part).count();
    let right = octets[place.end..].iter().take(behind * GROWN).take_while(is_part).count();
    (text.floor_char_boundary(place.start - left), text.ceil_char_boundary(place.end + right))
}
