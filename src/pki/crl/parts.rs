//! A CRL in two parts: its head, which is small, and its entries, which may be a million.

use der::Decode;
use x509_cert::certificate::{Profile, Rfc5280};
use x509_cert::crl::TbsCertList;

use super::entry::{Element, Reader, element};

const SEQUENCE: u8 = 0x30;

/// What is signed of a CRL (`TBSCertList`), as read.
#[derive(Debug)]
pub struct Parts<'a, P: Profile = Rfc5280> {
    /// All of it but the entries.
    pub head: TbsCertList<P>,
    /// The same in DER, as it was found.
    pub head_der: Vec<u8>,
    /// The content of `revokedCertificates`; none where it is left out.
    pub entries: Option<&'a [u8]>,
}

impl<'a, P: Profile> Parts<'a, P> {
    /// Reads what is signed. The entries are not looked at.
    pub fn read(signed: &'a [u8]) -> der::Result<Self> {
        let (head_der, entries) = divide(signed).ok_or(der::ErrorKind::Failed)?;
        Ok(Self { head: TbsCertList::from_der(&head_der)?, head_der, entries })
    }

    /// The entries one by one.
    pub fn reader(&self) -> Reader<'a> {
        Reader::new(self.entries.unwrap_or_default())
    }
}

/// What the signature of a CRL covers, and what follows it: the algorithm, and the signature. None where
/// the outer sequence is not DER, or not all there is.
pub fn signed(crl: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, []) = element(crl)? else { return None };
    let (signed, rest) = element(outer.content)?;
    (outer.tag == SEQUENCE && signed.tag == SEQUENCE).then_some((signed.whole, rest))
}

/// Takes the entries out of what is signed.
fn divide(signed: &[u8]) -> Option<(Vec<u8>, Option<&[u8]>)> {
    let (outer, []) = element(signed)? else { return None };
    let mut elements: Vec<Element<'_>> = Vec::new();
    let mut rest = outer.content;
    while !rest.is_empty() {
        let (found, after) = element(rest)?;
        elements.push(found);
        rest = after;
        // Version, algorithm, issuer, two times, entries, extensions: there is no more.
        if elements.len() > 7 {
            return None;
        }
    }
    // The only sequence behind a time (RFC 5280, 5.1).
    let time = |tag: u8| matches!(tag, 0x17 | 0x18);
    let pairs = elements.iter().zip(elements.iter().skip(1));
    let mut list =
        pairs.filter(|(before, found)| time(before.tag) && found.tag == SEQUENCE).map(|(_, found)| found);
    let list = list.next_back().copied();
    let others =
        elements.iter().filter(|found| list.is_none_or(|list| !std::ptr::eq(list.whole, found.whole)));
    let content: Vec<u8> = others.flat_map(|found| found.whole).copied().collect();
    let length = der::Length::try_from(content.len()).ok()?;
    let mut head = der::Encode::to_der(&der::Header::new(der::Tag::Sequence, length)).ok()?;
    head.extend_from_slice(&content);
    Some((head, list.map(|list| list.content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_crl_is_refused() {
        for bad in [&[][..], &[0x30, 0], &[0x30, 1, 0], &[0x30, 0x80, 0, 0], &[0x30, 2, 5, 0, 0]] {
            assert!(<Parts>::read(bad).is_err(), "{bad:02x?}");
        }
        assert!(
            signed(&[0x30, 4, 0x30, 0, 5, 0])
                .is_some_and(|(signed, rest)| signed == [0x30, 0] && rest == [5, 0])
        );
        assert!(signed(&[0x30, 4, 0x30, 0, 5, 0, 0]).is_none());
        assert!(signed(&[0x31, 2, 0x30, 0]).is_none());
    }
}
