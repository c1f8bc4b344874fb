//! Subject names, and the mark that a rehearsal puts on every one of them.

use der::asn1::{Any, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::oid::ObjectIdentifier;
use der::oid::db::rfc4519;
use der::{Decode, Encode};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::plan::Subject;

/// What stands before every common name in a rehearsal.
pub const REHEARSAL: &str = "REHEARSAL ";

/// The X.501 name of a subject: country as PrintableString, organization and common name as UTF8String
/// (RFC 5280, 4.1.2.4 and 4.1.2.6), one attribute a relative name.
pub fn encode(subject: &Subject, rehearsal: bool) -> der::Result<Name> {
    let mark = if rehearsal { REHEARSAL } else { "" };
    let common_name = format!("{mark}{}", subject.common_name);
    let mut names = RdnSequence::default();
    if let Some(country) = &subject.country {
        names.push(relative(rfc4519::C, Any::encode_from(&PrintableStringRef::new(country)?)?)?);
    }
    names.push(relative(rfc4519::O, Any::encode_from(&Utf8StringRef::new(&subject.organization)?)?)?);
    names.push(relative(rfc4519::CN, Any::encode_from(&Utf8StringRef::new(&common_name)?)?)?);
    Name::from_der(&names.to_der()?)
}

fn relative(oid: ObjectIdentifier, value: Any) -> der::Result<RelativeDistinguishedName> {
    let attribute = AttributeTypeAndValue { oid, value };
    RelativeDistinguishedName::try_from(SetOfVec::try_from(vec![attribute])?.into_vec())
}

/// A name for people: `CN=…, O=…`.
pub fn readable(name: &Name) -> String {
    let mut parts: Vec<String> = name.iter().map(ToString::to_string).collect();
    parts.reverse();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_and_order() {
        let subject = Subject {
            common_name: "Röot".into(),
            organization: "Example".into(),
            country: Some("DE".into()),
        };
        let der = encode(&subject, true).unwrap().to_der().unwrap();
        let at = |bytes: &[u8]| der.windows(bytes.len()).position(|window| window == bytes);
        let country = at(b"\x13\x02DE").expect("country as PrintableString");
        let name = at("\x0c\x0fREHEARSAL Röot".as_bytes()).expect("name as UTF8String");
        assert!(country < name);
        assert_eq!(readable(&encode(&subject, false).unwrap()), "CN=Röot, O=Example, C=DE");
    }
}
