//! What never comes through: secrets, control characters, a panic.

use serde_json::json;

use super::samples::*;
use super::*;

fn error(bytes: &[u8]) -> String {
    show("file", bytes).unwrap_err().to_string()
}

#[test]
fn secrets_are_neither_shown_nor_repeated() {
    let key = pem("PRIVATE KEY", &rcgen::KeyPair::generate().unwrap().serialize_der());
    let key = String::from_utf8(key).unwrap();
    let body = key.lines().nth(1).unwrap();
    for text in [key.clone(), format!("{}{key}", String::from_utf8(pem("CERTIFICATE", b"x")).unwrap())] {
        let shown = error(text.as_bytes());
        assert!(!shown.contains(body), "{shown}");
    }
    assert!(error(key.as_bytes()).contains("found a private key (PEM labelled `PRIVATE KEY`)"));
    for pin in ["314159", "0314159\n", "hunter2 ", "pin: 314159"] {
        let shown = error(pin.as_bytes());
        assert!(!shown.contains(pin.trim()) && !shown.contains("314159"), "{shown}");
    }
}

#[test]
fn a_site_with_a_secret_in_a_wrong_place() {
    for (from, to) in [
        ("{ file = \"root.pin\" }", "\"314159\""),
        ("{ file = \"root.pin\" }", "314159"),
        ("{ file = \"root.pin\" }", "\"314159"),
        ("{ file = \"root.pin\" }", "{ file = 314159 }"),
        ("{ file = \"root.pin\" }", "{ pni = 314159 }"),
        ("\"hunter2\"", "314159x"),
        ("\"hunter2\"", "\"314159"),
    ] {
        let shown = error(SITE.replace(from, to).as_bytes());
        assert!(shown.starts_with("file: looks like a site file, but has faults:\nline "), "{shown}");
        assert!(!shown.contains("314159"), "{shown}");
    }
}

#[test]
fn unknown_files_are_described() {
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b" \n", "an empty file"),
        (b"{}", "an empty JSON object"),
        (b"{\"a\": 1, \"\\u001b[2J\": 2}", "JSON with the fields \\u{1b}[2J, a"),
        (b"{\"a\": ", "looks like JSON, but can't be read: EOF"),
        (b"hello\nworld\n", "a text of 2 lines"),
        (b"0\x82\xff\xff", "4 bytes of something else"),
        (b"-----BEGIN PKCS7-----\n-----END PKCS7-----\n", "PEM labelled `PKCS7`"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "looks like a certificate, but"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "looks like a certificate, but"),
        (b"[ceremony]\nname = \x22x\x22\n", "looks like a plan, but has faults:\nfile:"),
    ] {
        let shown = error(bytes);
        assert!(shown.starts_with("file: ") && shown.contains(found), "{shown}");
    }
}

#[test]
fn no_control_character_comes_through() {
    let evil = "e\u{1b}[31m\u{9b}2J\u{202e}\r\n\u{7}";
    let mut params = params(evil, rcgen::IsCa::ExplicitNoCa);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, evil);
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let mut root = trusted_root(&hierarchy());
    root["certificateAuthorities"][0]["uri"] = json!(evil);
    root["certificateAuthorities"][0]["subject"]["commonName"] = json!(evil);
    root[evil] = json!({evil: [evil, {evil: evil}]});
    let mut tuf = tuf_root();
    tuf["signed"]["keys"][evil] = json!({"keytype": evil, "x-tuf-on-ci-keyowner": evil});
    tuf["signed"]["roles"][evil] = json!({"keyids": [evil], "threshold": evil});
    tuf["signatures"][0]["keyid"] = json!(evil);
    for bytes in [certificate.der().to_vec(), root.to_string().into_bytes(), tuf.to_string().into_bytes()] {
        let shown = show(evil, &bytes).unwrap();
        assert_plain(&shown);
        assert!(shown.text().contains("\\u{202e}"));
    }
    let plan = "[ceremony]\nname = 'x\u{1b}[2J'\nnoname = 'y\u{9b}2J\u{202e}'\n";
    for message in [show(evil, plan.as_bytes()).unwrap_err(), show(evil, b"x").unwrap_err()] {
        assert!(
            message.to_string().chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
            "{message}"
        );
    }
}

fn assert_plain(shown: &Shown) {
    let text = plain_text(shown);
    assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
    // Our own escapes are all that a terminal obeys.
    let own = shown
        .text()
        .replace("\u{1b}[0m", "")
        .replace("\u{1b}[1m", "")
        .replace("\u{1b}[2m", "")
        .replace("\u{1b}[33m", "");
    assert!(!own.contains('\u{1b}'), "{own:?}");
    let document = serde_json::to_string(&shown.document()).unwrap();
    assert!(!document.chars().any(|c| c.is_control() || c == '\u{202e}'), "{document:?}");
}

#[test]
fn nothing_panics_whatever_the_bytes() {
    for (kind, bytes) in all() {
        // Every byte of DER, where lengths and tags are; the rest at steps, to be done in seconds.
        let step = if bytes[0] == b'0' { 1 } else { bytes.len().div_ceil(150) };
        for at in (0..bytes.len()).step_by(step) {
            let flipped = |flip: u8| {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                bad
            };
            for bad in [bytes[..at].to_vec(), flipped(1), flipped(0x80)] {
                if let Ok(shown) = show(kind, &bad) {
                    assert_plain(&shown);
                }
            }
        }
    }
}
