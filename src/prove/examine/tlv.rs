//! DER, element by element: enough to walk through a CMS message and to take an extension out of a
//! certificate. Nothing is copied, nothing is trusted.

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag's byte.
    pub tag: u8,
    /// What is in it.
    pub content: &'a [u8],
    /// All of it, with tag and length.
    pub whole: &'a [u8],
}

pub const INTEGER: u8 = 0x02;
pub const OCTETS: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
pub const CONTEXT_0: u8 = 0xa0;
pub const CONTEXT_3: u8 = 0xa3;

/// The first element, and what follows.
pub fn first(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    // Tags of more bytes are in nothing that is read here.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        let minimal = octets.first().is_some_and(|first| *first != 0) && octets.len() <= 4;
        let length = octets.iter().fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
        (minimal && length >= 0x80).then_some((length, rest))?
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len().checked_sub(rest.len())?)?;
    Some((Tlv { tag, content, whole }, rest))
}

/// The one element that the bytes are, which must have this tag.
pub fn only(bytes: &[u8], tag: u8) -> Option<Tlv<'_>> {
    first(bytes).filter(|(found, rest)| found.tag == tag && rest.is_empty()).map(|(found, _)| found)
}

/// All elements.
pub fn all(mut bytes: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (one, rest) = first(bytes)?;
        found.push(one);
        bytes = rest;
    }
    Some(found)
}

/// An element around these bytes.
pub fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
            // At most eight.
            bytes.push(0x80 | u8::try_from(octets.len()).unwrap_or(8));
            bytes.extend(octets);
        }
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written_again() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let whole = wrap(OCTETS, &content);
            assert_eq!(only(&whole, OCTETS), Some(Tlv { tag: OCTETS, content: &content, whole: &whole }));
            let two = [whole.as_slice(), &whole].concat();
            assert_eq!(all(&two).unwrap().len(), 2);
            assert!(only(&two, OCTETS).is_none());
        }
    }

    #[test]
    fn what_is_no_der() {
        let bad: [&[u8]; 7] =
            [&[], &[4], &[4, 1], &[4, 0x81, 1, 1], &[4, 0x82, 0, 128], &[0x1f, 1, 1], &[4, 0x80, 0, 0]];
        for bytes in bad {
            assert_eq!(first(bytes), None, "{bytes:?}");
        }
    }
}
