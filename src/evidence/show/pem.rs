//! PEM files: one block or several (RFC 7468).

use super::certificate::Certificate;
use super::key::Verdict;
use super::sheet::{Cell, Sheet};
use super::{ShowError, crl, key, request};

/// One block: its label, and its bytes or what is wrong with them.
struct Block<'a> {
    label: &'a str,
    der: Result<Vec<u8>, String>,
}

/// All there is to see of a PEM file, and its kind.
pub fn show(name: &str, text: &str) -> Result<(&'static str, Sheet), ShowError> {
    let blocks = blocks(text);
    let mut read = Vec::new();
    for block in &blocks {
        read.push(item(name, block)?);
    }
    if read.iter().all(|item| matches!(item, Item::Certificate(_))) && read.len() > 1 {
        return Ok(("certificates", chain(&read)));
    }
    let mut sheets: Vec<(&'static str, Sheet)> = read.into_iter().map(Item::sheet).collect();
    if sheets.len() == 1
        && let Some(only) = sheets.pop()
    {
        return Ok(only);
    }
    let mut sheet = Sheet::default();
    let parts = sheets.into_iter().map(|(kind, mut part)| {
        part.name = Some(kind.into());
        part
    });
    sheet.row("parts", Cell::Sheets("part", parts.collect()));
    Ok(("PEM file", sheet))
}

enum Item {
    Certificate(Box<Certificate>),
    Other(&'static str, Sheet),
}

impl Item {
    fn sheet(self) -> (&'static str, Sheet) {
        match self {
            Self::Certificate(certificate) => ("certificate", certificate.sheet()),
            Self::Other(kind, sheet) => (kind, sheet),
        }
    }
}

fn item(name: &str, block: &Block) -> Result<Item, ShowError> {
    let unreadable =
        |kind: &'static str| move |reason| ShowError::Unreadable { name: name.into(), kind, reason };
    // The content of a private key is not even decoded.
    if block.label.contains("PRIVATE") || block.label.contains("SECRET") {
        return Err(ShowError::Private { name: name.into(), label: block.label.into() });
    }
    let der = || block.der.clone();
    match block.label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            let read = der().and_then(|der| Certificate::read(&der));
            Ok(Item::Certificate(Box::new(read.map_err(unreadable("a certificate"))?)))
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            let sheet = der().and_then(|der| request::show(&der));
            Ok(Item::Other("certificate request", sheet.map_err(unreadable("a certificate request"))?))
        }
        "X509 CRL" => {
            let sheet = der().and_then(|der| crl::show(&der));
            Ok(Item::Other("CRL", sheet.map_err(unreadable("a CRL"))?))
        }
        "PUBLIC KEY" => {
            let sheet = der().and_then(|der| key::show(&der));
            Ok(Item::Other("public key", sheet.map_err(unreadable("a public key"))?))
        }
        label => Err(ShowError::Unknown { name: name.into(), found: format!("PEM labelled `{label}`") }),
    }
}

/// Several certificates: each, and which other one of the file signed it.
fn chain(items: &[Item]) -> Sheet {
    let certificates: Vec<&Certificate> = items
        .iter()
        .filter_map(|item| match item {
            Item::Certificate(certificate) => Some(&**certificate),
            Item::Other(..) => None,
        })
        .collect();
    let sheets = certificates.iter().map(|certificate| {
        let mut sheet = certificate.sheet();
        if certificate.is_self_issued() {
            return sheet;
        }
        let mut issuers: Vec<(usize, Verdict)> = certificates
            .iter()
            .enumerate()
            .filter(|(_, issuer)| certificate.names_as_issuer(issuer))
            .map(|(n, issuer)| (n + 1, certificate.signed_by(issuer)))
            .collect();
        // Of several with the issuer's name, the one whose key signed.
        issuers.sort_by_key(|(_, verdict)| *verdict != Verdict::Verifies);
        match issuers.first() {
            Some((n, verdict)) => {
                sheet.row("issued by", Cell::Words(format!("certificate {n} of this file"), (*n).into()));
                verdict.row(&mut sheet, "signature");
            }
            None => sheet.row("issued by", Cell::none("none of this file: the signature is not checked")),
        }
        sheet
    });
    let mut sheet = Sheet::default();
    sheet.row("certificates", Cell::Sheets("certificate", sheets.collect()));
    sheet
}

/// The blocks of a file; text between them is passed over, as RFC 7468 allows.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((start, label)) = begin(rest) {
        let from = rest.get(start..).unwrap_or_default();
        let end_line = format!("-----END {label}-----");
        let (block, after) = match from.find(&end_line) {
            Some(end) => from.split_at(end + end_line.len()),
            None => (from, ""),
        };
        let der = der::pem::decode_vec(block.as_bytes()).map(|(_, der)| der);
        blocks.push(Block { label, der: der.map_err(|error| error.to_string()) });
        rest = after;
    }
    blocks
}

/// Where the next block begins, and its label.
fn begin(text: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let label = line.trim_end().strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        if let Some(label) = label {
            return Some((at, label));
        }
        at += line.len();
    }
    None
}

/// Whether a text holds a PEM block.
pub fn resembles(text: &str) -> bool {
    begin(text).is_some()
}
