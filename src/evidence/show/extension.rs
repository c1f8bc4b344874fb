//! The extensions of certificates, requests and CRLs.

use std::collections::BTreeSet;

use der::Decode;
use der::asn1::Utf8StringRef;
use der::oid::AssociatedOid;
use der::oid::db::rfc5912::{ID_AD_CA_ISSUERS, ID_AD_OCSP};
use serde_json::json;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, CrlNumber, ExtendedKeyUsage, IssuingDistributionPoint, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};

use super::oid::{full, general_name, name};
use super::sheet::{Cell, Sheet, Table};
use crate::pki::crl::ISSUING_DISTRIBUTION_POINT;

type Rows = Vec<(&'static str, Cell)>;

/// A row for each extension that is known, in their order, and a table of the others.
pub fn rows(sheet: &mut Sheet, extensions: &[Extension]) {
    let mut seen = BTreeSet::new();
    let mut others = Table::new(&["extension", "critical", "value"]);
    for extension in extensions {
        let name = full(&extension.extn_id);
        if !seen.insert(extension.extn_id) {
            sheet.warn(format!("the extension {name} stands twice"));
        }
        match known(extension) {
            Some(Ok(rows)) => rows.into_iter().for_each(|(label, cell)| sheet.row(label, cell)),
            Some(Err(error)) => {
                sheet.warn(format!("the extension {name} can't be read: {error}"));
                others.line(other(extension));
            }
            None => {
                if extension.critical {
                    sheet.warn(format!("{name} is critical, and unknown to this tool"));
                }
                others.line(other(extension));
            }
        }
    }
    if !others.lines.is_empty() {
        sheet.row("other extensions", Cell::Table(others));
    }
}

/// The extension of that type, if there is one that can be read, and whether it is critical.
pub fn find<'a, T: AssociatedOid + Decode<'a>>(extensions: &'a [Extension]) -> Option<(bool, T)> {
    let found = extensions.iter().find(|extension| extension.extn_id == T::OID)?;
    Some((found.critical, T::from_der(found.extn_value.as_bytes()).ok()?))
}

/// Key usages by the names of RFC 5280.
pub fn key_usages(usage: KeyUsage) -> Vec<&'static str> {
    let word = |usage| match usage {
        KeyUsages::DigitalSignature => "digitalSignature",
        KeyUsages::NonRepudiation => "nonRepudiation",
        KeyUsages::KeyEncipherment => "keyEncipherment",
        KeyUsages::DataEncipherment => "dataEncipherment",
        KeyUsages::KeyAgreement => "keyAgreement",
        KeyUsages::KeyCertSign => "keyCertSign",
        KeyUsages::CRLSign => "cRLSign",
        KeyUsages::EncipherOnly => "encipherOnly",
        KeyUsages::DecipherOnly => "decipherOnly",
    };
    usage.0.into_iter().map(word).collect()
}

/// Basic constraints in words.
pub fn constraints(basic: &BasicConstraints) -> String {
    match (basic.ca, basic.path_len_constraint) {
        (true, None) => "CA, any path length".into(),
        (true, Some(length)) => format!("CA, path length {length}"),
        (false, None) => "not a CA".into(),
        (false, Some(length)) => format!("not a CA, but path length {length}"),
    }
}

fn known(extension: &Extension) -> Option<der::Result<Rows>> {
    let der = extension.extn_value.as_bytes();
    let critical = extension.critical;
    let marked = |words: String, document: serde_json::Value| {
        let mark = if critical { "critical" } else { "not critical" };
        let words = if words.is_empty() { "nothing".into() } else { words };
        Cell::Words(format!("{words} ({mark})"), json!({"critical": critical, "value": document}))
    };
    Some(match extension.extn_id {
        BasicConstraints::OID => BasicConstraints::from_der(der).map(|basic| {
            let document = json!({"ca": basic.ca, "path-length": basic.path_len_constraint});
            vec![("basic constraints", marked(constraints(&basic), document))]
        }),
        KeyUsage::OID => KeyUsage::from_der(der).map(|usage| {
            let usages = key_usages(usage);
            vec![("key usage", marked(usages.join(", "), json!(usages)))]
        }),
        ExtendedKeyUsage::OID => ExtendedKeyUsage::from_der(der).map(|usage| {
            let purposes: Vec<String> = usage.0.iter().map(name).collect();
            vec![("extended key usage", marked(purposes.join(", "), json!(purposes)))]
        }),
        SubjectKeyIdentifier::OID => SubjectKeyIdentifier::from_der(der)
            .map(|identifier| vec![("subject key identifier", Cell::Hex(identifier.0.into_bytes().into()))]),
        AuthorityKeyIdentifier::OID => AuthorityKeyIdentifier::from_der(der).map(authority),
        SubjectAltName::OID => SubjectAltName::from_der(der)
            .map(|names| vec![("subject alternative names", Cell::texts(names.0.iter().map(general_name)))]),
        CertificatePolicies::OID => CertificatePolicies::from_der(der).map(|policies| {
            let policies = policies.0.iter().map(|policy| full(&policy.policy_identifier));
            vec![("policies", Cell::texts(policies))]
        }),
        CrlDistributionPoints::OID => CrlDistributionPoints::from_der(der)
            .map(|points| vec![("CRL addresses", Cell::texts(points.0.iter().flat_map(point)))]),
        AuthorityInfoAccessSyntax::OID => AuthorityInfoAccessSyntax::from_der(der).map(access),
        CrlNumber::OID => CrlNumber::from_der(der).map(|number| vec![("number", big(number.0.as_bytes()))]),
        // x509-cert gives this type the OID of another one.
        ISSUING_DISTRIBUTION_POINT => IssuingDistributionPoint::from_der(der)
            .map(|point| vec![("scope", marked(scope(&point).join(", "), json!(scope(&point))))]),
        _ => return None,
    })
}

fn authority(identifier: AuthorityKeyIdentifier) -> Rows {
    let key = identifier.key_identifier.map(|key| Cell::Hex(key.into_bytes().into()));
    let mut rows =
        vec![("authority key identifier", key.unwrap_or_else(|| Cell::none("without a key identifier")))];
    if let Some(names) = &identifier.authority_cert_issuer {
        rows.push(("authority issuer", Cell::texts(names.iter().map(general_name))));
    }
    if let Some(serial) = &identifier.authority_cert_serial_number {
        rows.push(("authority serial number", Cell::Hex(serial.as_bytes().to_vec())));
    }
    rows
}

fn point(point: &DistributionPoint) -> Vec<String> {
    match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => names.iter().map(general_name).collect(),
        Some(DistributionPointName::NameRelativeToCRLIssuer(name)) => {
            vec![format!("relative to the issuer: {name}")]
        }
        None => vec!["without an address".into()],
    }
}

fn access(places: AuthorityInfoAccessSyntax) -> Rows {
    let (mut issuers, mut ocsp, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for place in &places.0 {
        let address = general_name(&place.access_location);
        match place.access_method {
            ID_AD_CA_ISSUERS => issuers.push(address),
            ID_AD_OCSP => ocsp.push(address),
            method => others.push(format!("{}: {address}", full(&method))),
        }
    }
    let labels = ["issuer addresses", "OCSP addresses", "other addresses"];
    let rows = labels.into_iter().zip([issuers, ocsp, others]);
    rows.filter(|(_, list)| !list.is_empty()).map(|(label, list)| (label, Cell::texts(list))).collect()
}

fn scope(found: &IssuingDistributionPoint) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (is, word) in [
        (found.only_contains_ca_certs, "CA certificates only"),
        (found.only_contains_user_certs, "end-entity certificates only"),
        (found.only_contains_attribute_certs, "attribute certificates only"),
        (found.indirect_crl, "certificates of other issuers too"),
        (found.only_some_reasons.is_some(), "some reasons only"),
    ] {
        if is {
            words.push(word.into());
        }
    }
    if words.is_empty() {
        words.push("all certificates of the issuer".into());
    }
    if let Some(name) = &found.distribution_point {
        let whole =
            DistributionPoint { distribution_point: Some(name.clone()), reasons: None, crl_issuer: None };
        words.extend(point(&whole).into_iter().map(|address| format!("at {address}")));
    }
    words
}

/// A big-endian number: decimal where it is short, hex where no one would count it.
fn big(bytes: &[u8]) -> Cell {
    let sum = |sum: u64, byte: &u8| sum.checked_mul(256)?.checked_add(u64::from(*byte));
    bytes.iter().try_fold(0, sum).map_or_else(|| Cell::Hex(bytes.to_vec()), Cell::number)
}

fn other(extension: &Extension) -> Vec<Cell> {
    let der = extension.extn_value.as_bytes();
    // Fulcio writes some of its extensions as DER strings, and the older ones as bare text.
    let der_text = Utf8StringRef::from_der(der).ok().map(|text| text.as_str());
    let printable = |text: &&str| text.len() > 3 && !text.chars().any(char::is_control);
    let text = der_text.or_else(|| std::str::from_utf8(der).ok().filter(printable));
    let value = text.map_or_else(|| format!("{} bytes", der.len()), |text| format!("\"{text}\""));
    vec![Cell::text(full(&extension.extn_id)), Cell::flag(extension.critical), Cell::text(value)]
}
