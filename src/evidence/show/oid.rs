//! Object identifiers and general names, in words.

use der::asn1::ObjectIdentifier;
use der::oid::db::DB;
use x509_cert::ext::pkix::name::GeneralName;

use crate::pki::name::readable;

/// Names that the common tables lack.
const OTHERS: [(&str, &str); 4] = [
    ("1.3.6.1.4.1.11129.2.4.2", "signed certificate timestamps"),
    ("1.3.6.1.4.1.11129.2.4.3", "certificate transparency poison"),
    ("1.3.6.1.4.1.57264.2", "sigstore timestamping policy"),
    ("2.5.29.28", "issuing distribution point"),
];

/// Fulcio's extensions, by their last number under 1.3.6.1.4.1.57264.1.
const FULCIO: [&str; 24] = [
    "issuer",
    "workflow trigger",
    "workflow sha",
    "workflow name",
    "workflow repository",
    "workflow ref",
    "other name",
    "issuer",
    "build signer URI",
    "build signer digest",
    "runner environment",
    "source repository URI",
    "source repository digest",
    "source repository ref",
    "source repository identifier",
    "source repository owner URI",
    "source repository owner identifier",
    "build config URI",
    "build config digest",
    "build trigger",
    "run invocation URI",
    "source repository visibility",
    "deployment environment",
    "token subject",
];

/// A name for people, or the numbers where there is none.
pub fn name(oid: &ObjectIdentifier) -> String {
    known(oid).unwrap_or_else(|| oid.to_string())
}

/// The numbers, with the name behind them where there is one.
pub fn full(oid: &ObjectIdentifier) -> String {
    known(oid).map_or_else(|| oid.to_string(), |name| format!("{oid} ({name})"))
}

fn known(oid: &ObjectIdentifier) -> Option<String> {
    let numbers = oid.to_string();
    if let Some((_, name)) = OTHERS.iter().find(|(known, _)| *known == numbers) {
        return Some((*name).into());
    }
    if let Some(last) = numbers.strip_prefix("1.3.6.1.4.1.57264.1.") {
        let at = last.parse::<usize>().ok()?.checked_sub(1)?;
        return FULCIO.get(at).map(|name| format!("Fulcio: {name}"));
    }
    let name = DB.by_oid(oid)?;
    let short =
        ["id-kp-", "id-ce-", "id-pe-", "id-ad-", "id-"].iter().find_map(|head| name.strip_prefix(head));
    Some(short.unwrap_or(name).into())
}

/// A name of any of X.509's kinds.
pub fn general_name(name: &GeneralName) -> String {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => uri.as_str().into(),
        GeneralName::DnsName(host) => format!("DNS {}", host.as_str()),
        GeneralName::Rfc822Name(address) => format!("email {}", address.as_str()),
        GeneralName::DirectoryName(name) => readable(name),
        GeneralName::IpAddress(bytes) => ip(bytes.as_bytes()),
        GeneralName::RegisteredId(oid) => format!("OID {oid}"),
        GeneralName::OtherName(other) => {
            let value = other.value.value();
            match std::str::from_utf8(value) {
                Ok(text) => format!("other name {}: {text}", full(&other.type_id)),
                Err(_) => format!("other name {} of {} bytes", full(&other.type_id), value.len()),
            }
        }
        GeneralName::EdiPartyName(_) => "an EDI party name".into(),
    }
}

fn ip(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        format!("IP {}", std::net::Ipv4Addr::from(four))
    } else if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
        format!("IP {}", std::net::Ipv6Addr::from(sixteen))
    } else {
        format!("IP {}", data_encoding::HEXLOWER.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown() {
        let oid = |text: &str| ObjectIdentifier::new(text).unwrap();
        assert_eq!(name(&oid("1.3.6.1.5.5.7.3.3")), "codeSigning");
        assert_eq!(name(&oid("1.2.840.10045.4.3.3")), "ecdsa-with-SHA384");
        assert_eq!(name(&oid("1.2.840.113549.1.1.11")), "sha256WithRSAEncryption");
        assert_eq!(name(&oid("1.2.3.4")), "1.2.3.4");
        assert_eq!(full(&oid("1.3.6.1.4.1.57264.1.8")), "1.3.6.1.4.1.57264.1.8 (Fulcio: issuer)");
        for beyond in ["1.3.6.1.4.1.57264.1.0", "1.3.6.1.4.1.57264.1.25", "1.3.6.1.4.1.57264.1.1.1"] {
            assert_eq!(name(&oid(beyond)), beyond);
        }
    }
}
