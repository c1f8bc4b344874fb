//! Requests for signatures, and responses to them.

use serde_json::{Value, json};

use super::sheet::{Cell, Sheet};
use super::tuf;
use crate::tuf::request::{Answer, Document, Request, Response, Signer};

/// All there is to see of a request. Its documents are checked against what it says of them; what they change,
/// `sign` works out.
pub fn request(bytes: &[u8]) -> Result<Sheet, String> {
    let request = Request::parse(bytes).map_err(|error| error.to_string())?;
    let mut sheet = Sheet::default();
    let of = &request.ceremony;
    sheet.text("ceremony", format!("{}, {}", of.name, of.date));
    sheet.row("plan", Cell::hex(&of.plan));
    sheet.row("rehearsal", Cell::flag(request.rehearsal));
    sheet.text("written", request.written.to_string());
    sheet.text("expires", request.expires.to_string());
    sheet.row("asks", Cell::Sheet(signer(&request.signer)));
    let published = request.published.metadata.iter().filter_map(|(role, _)| {
        let version = request.published.envelope(*role)?.signed.head().version;
        Some(format!("{role} version {version}"))
    });
    sheet.row("goes on from", Cell::texts(published));
    for found in request.documents.iter().filter_map(|document| document.metadata().err()) {
        sheet.find(found.to_string());
    }
    sheet.row("documents", Cell::Sheets("document", request.documents.iter().map(document).collect()));
    sheet.row("changes, in its own words", Cell::texts(request.changes));
    Ok(sheet)
}

fn document(document: &Document) -> Sheet {
    let (_, inner) = tuf::show(&json!({"signed": document.signed, "signatures": []}));
    let mut sheet = Sheet::named(format!("{} version {}", document.role, document.version));
    sheet.row("SHA-256", Cell::hex(&document.sha256));
    sheet.row("metadata", Cell::Sheet(inner));
    sheet
}

/// All there is to see of a response. Its signatures are verified where they are taken.
pub fn response(bytes: &[u8]) -> Result<Sheet, String> {
    let answer = Answer::parse(bytes).map_err(|error| error.to_string())?;
    let Answer::Response(Response { request, signer: by, signed, tool, signatures, .. }) = answer else {
        return Err("a TUF metadata file".into());
    };
    let mut sheet = Sheet::default();
    sheet.row("request", Cell::hex(&request));
    sheet.row("signed by", Cell::Sheet(signer(&by)));
    sheet.text("signed at", signed.to_string());
    sheet.text("tool", tool);
    let each = signatures.iter().map(|made| {
        let mut sheet = Sheet::named(format!("{} version {}", made.role, made.version));
        sheet.row("SHA-256", Cell::hex(&made.sha256));
        sheet.row("key id", Cell::hex(&made.keyid));
        sheet.row("signature", Cell::hex(&made.sig));
        sheet
    });
    sheet.row("signatures", Cell::Sheets("signature", each.collect()));
    Ok(sheet)
}

fn signer(signer: &Signer) -> Sheet {
    let mut sheet = Sheet::default();
    if let Some(keyholder) = &signer.keyholder {
        sheet.text("keyholder", keyholder.as_str());
    }
    sheet.text("key", signer.key.as_str());
    sheet.row("key SHA-256", Cell::hex(&signer.fingerprint));
    if let Some(device) = &signer.device {
        sheet.text("device", device.as_str());
    }
    if let Some(serial) = &signer.serial {
        sheet.text("serial", serial.as_str());
    }
    sheet
}

/// What a JSON object is by its media type: a request, or a response.
pub fn resembles(value: &Value) -> Option<&'static str> {
    let kind = value.get("media-type").and_then(Value::as_str)?;
    match kind {
        _ if kind.contains("signature-request") => Some("request for signatures"),
        _ if kind.contains("signature-response") => Some("response to a request for signatures"),
        _ => None,
    }
}
