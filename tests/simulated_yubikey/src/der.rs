//! DER and BER-TLV, as much as a PIV applet needs.

/// A tag, a length and a value.
pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(length(value.len()));
    out.extend_from_slice(value);
    out
}

/// A length in its shortest form.
pub fn length(n: usize) -> Vec<u8> {
    match n {
        0..=0x7f => vec![n as u8],
        0x80..=0xff => vec![0x81, n as u8],
        _ => vec![0x82, (n >> 8) as u8, n as u8],
    }
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut body = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let mut bytes = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        body.extend(bytes.iter().rev());
    }
    tlv(6, &body)
}

/// An unsigned INTEGER.
pub fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len().saturating_sub(1));
    let mut body = bytes[start..].to_vec();
    if body.first().is_none_or(|first| first & 0x80 != 0) {
        body.insert(0, 0);
    }
    tlv(2, &body)
}

/// The tags and values in a row; none where the lengths do not fit.
pub fn parse(mut rest: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut all = Vec::new();
    while let [tag, more @ ..] = rest {
        let (size, more) = match more {
            [0x82, high, low, more @ ..] => (usize::from(*high) << 8 | usize::from(*low), more),
            [0x81, size, more @ ..] => (usize::from(*size), more),
            [size, more @ ..] if *size < 0x80 => (usize::from(*size), more),
            _ => return None,
        };
        if more.len() < size {
            return None;
        }
        all.push((*tag, &more[..size]));
        rest = &more[size..];
    }
    Some(all)
}

/// The first value under a tag.
pub fn find<'a>(all: &[(u8, &'a [u8])], tag: u8) -> Option<&'a [u8]> {
    all.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
}
