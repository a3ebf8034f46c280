//! Second factors: the codes of authenticators that change with time.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use mailferry_model::{Error, Result, secret::Secret};
use sha1::Sha1;

/// Seconds for which a code stands.
const STEP: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, in base32 as authenticators take it.
pub(crate) fn fresh() -> Result<Secret<String>> {
    let mut random = [0; 20];
    getrandom::fill(&mut random).map_err(|e| Error::bug("make second factor", e.to_string()))?;
    Ok(Secret::new(base32(&random)))
}

/// What authenticators read as a QR code.
pub(crate) fn address(account: &str, secret: &Secret<String>) -> String {
    let name: String = account
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("otpauth://totp/mailferry:{name}?secret={}&issuer=mailferry", secret.expose())
}

/// The time step whose code this is: the present one, or a neighbour because clocks differ.
// RFC 6238 §5.2
pub(crate) fn step_of(secret: &Secret<String>, code: &str, now: Timestamp) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let key = from_base32(secret.expose())?;
    let step = now.as_second().div_euclid(STEP);
    let near = [step - 1, step, step + 1].into_iter().filter_map(|s| u64::try_from(s).ok());
    // All three are computed, whichever fits.
    let found: Vec<u64> = near.filter(|s| equal(code_at(&key, *s).as_bytes(), code.as_bytes())).collect();
    found.last().copied()
}

// RFC 4226 §5.3
fn code_at(key: &[u8], step: u64) -> String {
    let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(key) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 0xf);
    let number = hash[at..at + 4].iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) & 0x7fff_ffff;
    format!("{:0DIGITS$}", number % 10u32.pow(DIGITS as u32))
}

/// Compares without telling by its time where a difference lies.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |d, (a, b)| d | (a ^ b)) == 0
}

// RFC 4648 §6
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut bits, mut held) = (0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
        }
    }
    if held > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - held) & 31) as usize]));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|a| a.eq_ignore_ascii_case(&letter))?;
        bits = bits << 5 | value as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 255) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_standard() {
        // RFC 6238, appendix B: the last six of eight digits.
        let key = b"12345678901234567890";
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code_at(key, second / 30), code);
        }
        let secret = Secret::new(base32(key));
        assert_eq!(secret.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(step_of(&secret, "287 082", at(59)), Some(1));
        assert_eq!(step_of(&secret, "287082", at(89)), Some(1), "a slow clock");
        assert_eq!(step_of(&secret, "287082", at(120)), None);
        assert_eq!(step_of(&secret, "", at(59)), None);
    }
}
