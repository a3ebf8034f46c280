//! Amounts of bytes as people write them: `512K`, `2 MiB`, `1.5G`; K, M, G and T are binary.

/// Bytes.
///
/// # Errors
/// One sentence.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a number of bytes, or one with K, M, G or T".to_owned();
    let upper = text.trim().to_ascii_uppercase();
    let bare = upper.strip_suffix('B').unwrap_or(&upper);
    let bare = bare.strip_suffix('I').unwrap_or(bare);
    let (digits, power) = match bare.chars().last() {
        Some('K') => (&bare[..bare.len() - 1], 10),
        Some('M') => (&bare[..bare.len() - 1], 20),
        Some('G') => (&bare[..bare.len() - 1], 30),
        Some('T') => (&bare[..bare.len() - 1], 40),
        _ => (bare, 0),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let bytes = number * (1u64 << power) as f64;
    match number.is_finite() && (0.0..9e18).contains(&bytes) {
        true => Ok(bytes as u64),
        false => Err(wrong()),
    }
}

/// Bytes a second; none where it is `off` or nothing.
///
/// # Errors
/// One sentence.
pub fn rate(text: &str) -> Result<Option<u64>, String> {
    match text.eq_ignore_ascii_case("off") {
        true => Ok(None),
        false => size(text).map(|bytes| Some(bytes).filter(|bytes| *bytes > 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_binary() {
        assert_eq!(
            ["0", "10M", "1G", "1.5k", "2 MiB", "3KB"].map(|t| size(t).unwrap()),
            [0, 10 << 20, 1 << 30, 1536, 2 << 20, 3 << 10]
        );
        assert!(["", "M", "-1", "1X", "1e300"].iter().all(|t| size(t).is_err()));
        assert_eq!((rate("off"), rate("0"), rate("1K")), (Ok(None), Ok(None), Ok(Some(1024))));
    }
}
