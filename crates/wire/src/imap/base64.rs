//! Base64 for SASL exchanges and for the modified alphabet of mailbox names.
//!
//! Deliberately small: whole slices, no streaming, no line breaks. Bodies are never base64 in IMAP.

/// The standard alphabet, used by SASL (RFC 4648 §4).
pub(crate) const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Mailbox names write `,` for `/` (RFC 3501 §5.1.3).
pub(crate) const MAILBOX: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Encodes without padding.
pub(crate) fn encode_unpadded(alphabet: &[u8; 64], input: &[u8]) -> String {
    let mut out = String::with_capacity(input.len().div_ceil(3) * 4);
    for group in input.chunks(3) {
        let word = group.iter().enumerate().fold(0u32, |w, (i, b)| w | u32::from(*b) << (16 - 8 * i));
        for i in 0..=group.len() {
            out.push(char::from(alphabet[(word >> (18 - 6 * i)) as usize & 63]));
        }
    }
    out
}

/// Encodes with padding, in the standard alphabet.
pub fn encode(input: &[u8]) -> String {
    let mut out = encode_unpadded(STANDARD, input);
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// Decodes; padding may be absent. `None` when an octet is not of the alphabet.
pub(crate) fn decode_with(alphabet: &[u8; 64], input: &[u8]) -> Option<Vec<u8>> {
    let end = input.iter().rposition(|b| *b != b'=').map_or(0, |i| i + 1);
    let mut out = Vec::with_capacity(end * 3 / 4);
    let (mut word, mut bits) = (0u32, 0u32);
    for byte in &input[..end] {
        let value = sextet(alphabet, *byte)?;
        word = (word << 6 | value) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits & 0xff) as u8);
        }
    }
    // A single left-over sextet carries no whole octet: the input was cut.
    (bits < 6).then_some(out)
}

/// Decodes the standard alphabet.
pub fn decode(input: &[u8]) -> Option<Vec<u8>> {
    decode_with(STANDARD, input)
}

fn sextet(alphabet: &[u8; 64], byte: u8) -> Option<u32> {
    Some(match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        _ if byte == alphabet[62] => 62,
        _ if byte == alphabet[63] => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_vectors() {
        // RFC 4648 §10
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded.as_bytes()).unwrap(), plain.as_bytes());
        }
        assert_eq!(decode(b"Zg"), Some(b"f".to_vec()));
        assert_eq!(decode(b"Z"), None);
        assert_eq!(decode(b"Z g="), None);
    }
}
