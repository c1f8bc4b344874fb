//! DER, as strictly as X.690 has it. x509-parser reads some encodings that are none of the
//! distinguished ones; what is signed and published here has one encoding only, to the last bit.

/// How deep elements may lie in each other: certificates and CRLs need about ten.
const DEEPEST: usize = 32;

/// SEQUENCE and SEQUENCE OF, as every certificate and CRL begins.
const SEQUENCE: u8 = 0x30;

/// One element: its tag, its content, and all of its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// The parts of a certificate or CRL.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What is signed.
    pub signed: &'a [u8],
    /// The elements of what is signed.
    pub inside: &'a [u8],
    /// The algorithm and the signature, as they stand behind it.
    pub behind: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

/// Takes a certificate or CRL apart: a sequence of what is signed, an algorithm that is byte for byte the
/// one inside of that, and a signature of whole bytes.
pub fn frame(der: &[u8]) -> Result<Frame<'_>, String> {
    let outer = alone(der)?;
    let parts = list(outer.content)?;
    let [signed, algorithm, signature] = parts.as_slice() else {
        return Err(format!("{} parts, expected what is signed, an algorithm and a signature", parts.len()));
    };
    if [outer.tag, signed.tag, algorithm.tag, signature.tag] != [SEQUENCE, SEQUENCE, SEQUENCE, 3] {
        return Err("its parts are not of the types that RFC 5280 gives them".into());
    }
    // The first sequence in what is signed is the algorithm, of certificates and of CRLs.
    let inner = list(signed.content)?.into_iter().find(|part| part.tag == SEQUENCE);
    if inner.is_none_or(|inner| inner.whole != algorithm.whole) {
        return Err("the signature's algorithm inside and outside of what is signed are not the same".into());
    }
    match signature.content {
        [0, signature @ ..] => {
            let behind = outer.content.get(signed.whole.len()..).unwrap_or_default();
            Ok(Frame { signed: signed.whole, inside: signed.content, behind, signature })
        }
        _ => Err("the signature is not whole bytes".into()),
    }
}

/// Whether these bytes are one element of DER, with everything in it.
pub fn strict(der: &[u8]) -> Result<(), String> {
    element(alone(der)?, 0)
}

fn alone(der: &[u8]) -> Result<Element<'_>, String> {
    match list(der)?.as_slice() {
        [one] => Ok(*one),
        other => Err(format!("{} elements, expected one", other.len())),
    }
}

/// The elements that follow each other in some bytes.
pub(super) fn list(mut bytes: &[u8]) -> Result<Vec<Element<'_>>, String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (next, rest) = first(bytes)?;
        found.push(next);
        bytes = rest;
    }
    Ok(found)
}

/// An element of this tag and content.
pub(super) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ ..=0x7f) => whole.push(short),
        _ => {
            let octets = content.len().to_be_bytes();
            let octets: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            whole.push(u8::try_from(octets.len()).unwrap_or(0x7f) | 0x80);
            whole.extend_from_slice(&octets);
        }
    }
    whole.extend_from_slice(content);
    whole
}

/// The first element of some bytes, and what follows it (X.690, 8.1 and 10.1).
fn first(bytes: &[u8]) -> Result<(Element<'_>, &[u8]), String> {
    let cut = || "an element that is cut off".to_string();
    let (tag, rest) = bytes.split_first().ok_or_else(cut)?;
    if tag & 0x1f == 0x1f {
        return Err("a tag of several bytes, which nothing here has".into());
    }
    let (short, rest) = rest.split_first().ok_or_else(cut)?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(*short), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(short & 0x7f)).ok_or_else(cut)?;
            let length = octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
            if octets.first() == Some(&0) || length < 0x80 {
                return Err("a length in more bytes than it needs".into());
            }
            (length, rest)
        }
        _ => return Err("a length that is indefinite, or beyond all measure".into()),
    };
    let (content, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
    let whole = bytes.get(..bytes.len().saturating_sub(rest.len())).ok_or_else(cut)?;
    Ok((Element { tag: *tag, content, whole }, rest))
}

/// One element by its type (X.690, 8 and 11).
fn element(found: Element<'_>, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err("elements that lie too deep in each other".into());
    }
    let content = found.content;
    let fine = match found.tag {
        // BOOLEAN: true is all ones.
        1 => matches!(content, [0 | 0xff]),
        // INTEGER and ENUMERATED: as short as they can be.
        2 | 0x0a => match content {
            [] => false,
            [0, next, ..] => next >> 7 == 1,
            [0xff, next, ..] => next >> 7 == 0,
            _ => true,
        },
        // BIT STRING: no more than seven unused bits, and those are zero.
        3 => match content {
            [unused @ 0..=7, .., last] => last.trailing_zeros() >= u32::from(*unused),
            [0] => true,
            _ => false,
        },
        // NULL.
        5 => content.is_empty(),
        // OBJECT IDENTIFIER: whole, and without leading zeros in its parts.
        6 => {
            let ends = content.last().is_some_and(|last| last >> 7 == 0);
            let starts = std::iter::once(&0).chain(content).zip(content);
            ends && starts.into_iter().all(|(before, octet)| before >> 7 == 1 || *octet != 0x80)
        }
        // OCTET STRING, texts, times: as they are. Times are x509-parser's to read.
        4 | 0x0c | 0x12..=0x1e => true,
        // SET OF: sorted (11.6).
        0x31 => {
            let list = list(content)?;
            list.iter().try_for_each(|inner| element(*inner, depth.saturating_add(1)))?;
            list.iter().zip(list.iter().skip(1)).all(|(a, b)| a.whole <= b.whole)
        }
        // SEQUENCE, and what is tagged by its place around another element.
        SEQUENCE => return sequence(content, depth),
        tag if tag & 0xe0 == 0xa0 => return sequence(content, depth),
        // What is tagged by its place instead of its type: the type is not known here.
        tag if tag & 0xe0 == 0x80 => true,
        _ => false,
    };
    if fine { Ok(()) } else { Err(format!("an element of tag {:#04x} that is not DER", found.tag)) }
}

fn sequence(content: &[u8], depth: usize) -> Result<(), String> {
    // A CRL's list may be of a million: no more than an extension's parts are kept.
    let (mut few, mut rest) = (Vec::new(), content);
    while !rest.is_empty() {
        let (inner, after) = first(rest)?;
        element(inner, depth.saturating_add(1))?;
        if few.len() <= 3 {
            few.push(inner);
        }
        rest = after;
    }
    match few.as_slice() {
        // An extension (RFC 5280, 4.2): its value is DER, and a criticality that is written out is true.
        [id, middle @ .., value] if id.tag == 6 && value.tag == 4 && middle.len() <= 1 => {
            if middle.iter().any(|found| found.tag != 1 || found.content != [0xff]) {
                return Err("an extension whose criticality is written out, and false".into());
            }
            element(alone(value.content)?, depth.saturating_add(1))?;
            key_usage(id.content, value.content)
        }
        _ => Ok(()),
    }
}

/// Key usage is a list of named bits, which ends with one that is set (X.690, 11.2.2).
fn key_usage(id: &[u8], value: &[u8]) -> Result<(), String> {
    match (id, value) {
        ([0x55, 0x1d, 0x0f], [3, _, unused, .., last]) if last.trailing_zeros() != u32::from(*unused) => {
            Err("a key usage that does not end with a bit that is set".into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distinguished_encoding_and_no_other() {
        for good in [
            &[1, 1, 0xff][..],
            &[2, 1, 0],
            &[2, 2, 0, 0x80],
            &[2, 2, 0xff, 0x7f],
            &[3, 1, 0],
            &[3, 2, 1, 6],
            &[5, 0],
            &[6, 3, 0x55, 0x1d, 0x0f],
            &[0x30, 0],
            &[0x31, 6, 2, 1, 1, 2, 1, 2],
            &[0xa0, 3, 2, 1, 2],
            &[0x30, 9, 6, 3, 0x55, 0x1d, 0x13, 4, 2, 0x30, 0],
            &[0x30, 14, 6, 3, 0x55, 0x1d, 0x0f, 1, 1, 0xff, 4, 4, 3, 2, 1, 6],
        ] {
            assert_eq!(strict(good), Ok(()), "{good:02x?}");
        }
        for bad in [
            &[][..],
            &[1, 1, 1],
            &[1, 2, 0, 0],
            &[2, 0],
            &[2, 2, 0, 1],
            &[2, 2, 0xff, 0x80],
            &[3, 0],
            &[3, 1, 1],
            &[3, 2, 8, 0],
            &[3, 2, 1, 7],
            &[5, 1, 0],
            &[6, 0],
            &[6, 2, 0x55, 0x80],
            &[6, 3, 0x55, 0x80, 1],
            &[4, 2, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 0x80],
            &[0x30, 0x80, 0, 0],
            &[0x10, 0],
            &[0x70, 0],
            &[0x1f, 0x81, 1, 0],
            &[0x31, 6, 2, 1, 2, 2, 1, 1],
            &[0x30, 0, 0],
            // Extensions: false written out, a value that is not DER, key usage with zeros behind it.
            &[0x30, 12, 6, 3, 0x55, 0x1d, 0x13, 1, 1, 0, 4, 2, 0x30, 0],
            &[0x30, 10, 6, 3, 0x55, 0x1d, 0x13, 4, 3, 0x30, 0, 0],
            &[0x30, 11, 6, 3, 0x55, 0x1d, 0x0f, 4, 4, 3, 2, 0, 6],
            &[0x30, 11, 6, 3, 0x55, 0x1d, 0x0f, 4, 4, 3, 2, 1, 4],
        ] {
            assert!(strict(bad).is_err(), "{bad:02x?}");
        }
        let deep = (0..100).fold(Vec::new(), |inner: Vec<u8>, _| {
            let length = u8::try_from(inner.len()).unwrap_or(0x7f);
            [&[0x30, length][..], &inner].concat()
        });
        assert!(strict(&deep).is_err());
    }
}
