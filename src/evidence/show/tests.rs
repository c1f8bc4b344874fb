//! What is shown of each kind, and what is found wrong.

use serde_json::{Value, json};

use super::samples::*;
use super::*;

fn shown(bytes: &[u8]) -> Shown {
    show("file", bytes).unwrap()
}

fn of(value: &Value) -> Shown {
    shown(&serde_json::to_vec(value).unwrap())
}

/// The text with hashes taken out.
fn wording(bytes: &[u8]) -> String {
    let text = plain_text(&shown(bytes));
    let hex = |word: &str| word.len() == 4 && word.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let hash = words.iter().position(|word| hex(word)).filter(|at| words.len() - at >= 10);
        hash.map_or_else(|| line.to_string(), |at| format!("{} <hex>", words[..at].join(" ")))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_is_found_by_its_content() {
    for (kind, bytes) in all() {
        let shown = shown(&bytes);
        assert_eq!(shown.kind(), kind);
        assert!(!shown.has_findings(), "{}", shown.text());
        let document = shown.document();
        assert_eq!((&document["kind"], &document["file"]), (&json!(kind), &json!("file")));
    }
}

#[test]
fn a_root_in_words() {
    insta::assert_snapshot!(wording(&hierarchy().root_der), @r#"
    certificate: file
      profile                 root
      subject                 CN=Example Root, O=Example Project
      issuer                  CN=Example Root, O=Example Project
      serial number           4a01 ff10 77
      valid from              2026-12-01T00:00:00Z
      valid to                2036-12-01T00:00:00Z
      length                  3653 days
      key                     ecdsa-p384
      key SHA-256             <hex>
      key usage               keyCertSign, cRLSign (critical)
      subject key identifier  <hex>
      basic constraints       CA, any path length (critical)
      signature algorithm     ecdsa-with-SHA384
      self-signature          verifies
      certificate SHA-256     <hex>
    "#);
}

#[test]
fn a_certificate_as_a_document() {
    let hierarchy = hierarchy();
    let document = shown(&hierarchy.intermediate_der).document();
    assert_eq!(document["profile"], "code-signing");
    assert_eq!(document["serial-number"], "4a01ff1077");
    assert_eq!(document["key-usage"], json!({"critical": true, "value": ["keyCertSign", "cRLSign"]}));
    assert_eq!(document["extended-key-usage"], json!({"critical": false, "value": ["codeSigning"]}));
    assert_eq!(document["basic-constraints"]["value"], json!({"ca": true, "path-length": 0}));
    assert_eq!(document["length"], json!({"days": 3653, "seconds": 3653 * 86_400}));
    assert_eq!(document["certificate-sha-256"], crate::pki::sha256_hex(&hierarchy.intermediate_der));
    assert_eq!(document["key-sha-256"], public(&hierarchy.intermediate_key).fingerprint());
    assert_eq!(document.get("self-signature"), None);
    assert_eq!(shown(&hierarchy.root_der).document()["self-signature"], true);
}

#[test]
fn a_chain_says_who_signed_whom() {
    let (one, other) = (hierarchy(), hierarchy());
    let chain = |below: &[u8], above: &[u8]| [pem("CERTIFICATE", below), pem("CERTIFICATE", above)].concat();
    let good = shown(&chain(&one.intermediate_der, &one.root_der));
    let first = &good.document()["certificates"][0];
    assert_eq!((&first["issued-by"], &first["signature"]), (&json!(2), &json!(true)));
    // The other root bears the same name, but has another key.
    let bad = shown(&chain(&one.intermediate_der, &other.root_der));
    assert!(bad.has_findings());
    assert_eq!(bad.document()["certificates"][0]["signature"], false);
    let alone = shown(&chain(&one.intermediate_der, &one.intermediate_der));
    assert!(!alone.has_findings());
    assert!(alone.text().contains("none of this file"));
}

#[test]
fn signatures_that_do_not_verify_are_findings() {
    let mut root = hierarchy().root_der;
    // The last byte of the name, inside of what is signed.
    let at = root.windows(4).rposition(|window| window == b"Root").unwrap() + 3;
    root[at] = b'f';
    let issuer = root.windows(4).position(|window| window == b"Root").unwrap() + 3;
    root[issuer] = b'f';
    let root = shown(&root);
    assert!(root.has_findings());
    assert!(root.text().contains("finding: the self-signature does not verify"), "{}", root.text());
    let mut request = request();
    let at = request.windows(7).position(|window| window == b"Partner").unwrap();
    request[at] = b'p';
    let request = shown(&request);
    assert!(request.has_findings());
    assert_eq!(request.document()["proof-of-possession"], false);
}

#[test]
fn what_only_resembles_a_profile_is_called_other() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = |change: fn(&mut rcgen::CertificateParams)| {
        let mut params = params("x", rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0)));
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
        change(&mut params);
        let document = shown(params.self_signed(&key).unwrap().der()).document();
        (document["profile"].clone(), document["resembles"].clone())
    };
    let differs = |from: &str| (json!("other"), json!({"profile": "code-signing", "differs": [from]}));
    assert_eq!(certificate(|_| {}), (json!("code-signing"), Value::Null));
    assert_eq!(
        certificate(|params| params.key_usages.push(rcgen::KeyUsagePurpose::DigitalSignature)),
        differs("key usage")
    );
    assert_eq!(
        certificate(|params| params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::Any)),
        differs("extended key usage")
    );
    assert_eq!(
        certificate(|params| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth]),
        (json!("other"), Value::Null)
    );
}

#[test]
fn unknown_extensions_are_listed() {
    let mut params = params("x", rcgen::IsCa::ExplicitNoCa);
    let mut critical = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    critical.set_criticality(true);
    let fulcio = [1, 3, 6, 1, 4, 1, 57264, 1, 1];
    let issuer = rcgen::CustomExtension::from_oid_content(&fulcio, b"https://accounts.example".to_vec());
    params.custom_extensions = vec![critical, issuer];
    let shown = shown(params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der());
    let others = &shown.document()["other-extensions"];
    assert_eq!(others[0], json!({"extension": "1.2.3.4", "critical": true, "value": "2 bytes"}));
    assert_eq!(others[1]["extension"], "1.3.6.1.4.1.57264.1.1 (Fulcio: issuer)");
    assert_eq!(others[1]["value"], "\"https://accounts.example\"");
    assert!(shown.text().contains("warning: 1.2.3.4 is critical"));
}

#[test]
fn a_long_crl_is_counted() {
    let document = shown(&crl(&hierarchy(), 25)).document();
    assert_eq!((&document["revoked"], &document["entries-not-shown"]), (&json!(25), &json!(5)));
    assert_eq!(document["entries"].as_array().unwrap().len(), 20);
    let first = json!({
        "serial-number": "4000", "revoked-on": "2027-01-01T00:00:00Z", "reason": "superseded", "invalid-since": null
    });
    assert_eq!(document["entries"][0], first);
    assert_eq!(document["number"], 7);
}

#[test]
fn a_trusted_root_says_what_clients_would_stumble_over() {
    let hierarchy = hierarchy();
    let good = trusted_root(&hierarchy);
    insta::assert_snapshot!(wording(&serde_json::to_vec(&good).unwrap()), @r#"
    trusted root: file
      file SHA-256           <hex>
      media type             application/vnd.dev.sigstore.trustedroot+json;version=0.1

      certificate authority 1 of 1: https://fulcio.example.org
        organization  Example Project
        common name   Example Root
        trusted from  2026-12-01T00:00:00Z
        trusted to    no end

        certificate 1 of 2
          subject    CN=Example Intermediate, O=Example Project
          valid      2026-12-01T00:00:00Z to 2036-12-01T00:00:00Z
          signature  verifies
          SHA-256    <hex>

        certificate 2 of 2
          subject    CN=Example Root, O=Example Project
          valid      2026-12-01T00:00:00Z to 2036-12-01T00:00:00Z
          signature  verifies
          SHA-256    <hex>

      transparency logs      none

      certificate log 1 of 1: https://ctfe.example.org/2026
        trusted from    2026-12-01T00:00:00Z
        trusted to      no end
        key details     PKIX_ECDSA_P256_SHA_256
        key             ecdsa-p256
        key SHA-256     <hex>
        log id          <hex>
        log id is       the SHA-256 of the key
        hash algorithm  SHA2_256

      timestamp authorities  none
    "#);
    let changed = |path: &str, to: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = to;
        of(&bad)
    };
    let id = changed("/ctlogs/0/logId/keyId", json!("AAAA"));
    assert!(id.text().contains("warning: the log id is made neither"));
    assert!(changed("/ctlogs/0/publicKey/keyDetails", json!("PKIX_ED25519")).has_findings());
    assert!(changed("/ctlogs/0/publicKey/rawBytes", json!("%")).has_findings());
    assert!(
        changed("/certificateAuthorities/0/certChain/certificates/0/rawBytes", json!("AAAA")).has_findings()
    );
    let other = json!(data_encoding::BASE64.encode(&super::samples::hierarchy().root_der));
    assert!(changed("/certificateAuthorities/0/certChain/certificates/1/rawBytes", other).has_findings());
    let shown = changed("/ctlogs/0/hashAlgorithm", json!({"x": ["\u{1b}[2J"]}));
    assert!(!shown.text().contains("\u{1b}[2J"));
    for path in ["/ctlogs", "/certificateAuthorities", "/ctlogs/0", "/certificateAuthorities/0/certChain"] {
        for to in [Value::Null, json!(7), json!([1, "x", null]), json!({})] {
            changed(path, to).text();
        }
    }
}

#[test]
fn a_signing_config_in_words() {
    insta::assert_snapshot!(wording(&serde_json::to_vec(&signing_config()).unwrap()), @r#"
    signing config: file
      file SHA-256              <hex>
      media type                application/vnd.dev.sigstore.signingconfig.v0.2+json
      transparency logs to use  EXACT 2
      timestamps to use         ANY

      certificate authority 1 of 1: https://fulcio.example.org
        API version  1
        operator     example.org
        used from    2026-12-01T00:00:00Z
        used to      2027-12-01T00:00:00Z

      identity providers        none
      transparency logs         none
      timestamp authorities     none
    "#);
}

#[test]
fn a_tuf_root_says_who_signed() {
    let good = tuf_root();
    let document = of(&good).document();
    assert_eq!(document["signed-by"], json!({"keys": 2, "threshold": 2}));
    assert_eq!(document["roles"][0]["name"], "root");
    assert_eq!(document["signatures"][0]["owner"], "@keyholder-1");
    assert_eq!(document["purpose"], "rehearsal");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        of(&bad)
    };
    let other_version = changed(&|root| root["signed"]["version"] = json!(2));
    assert!(other_version.has_findings());
    assert_eq!(other_version.document()["signatures"][0]["signature"], false);
    let unsigned = changed(&|root| root["signatures"][0]["sig"] = json!(""));
    assert!(!unsigned.has_findings());
    assert!(unsigned.text().contains("warning: fewer keys than the threshold"));
    // One key under two ids: every client counts it twice.
    let id = good["signatures"][0]["keyid"].as_str().unwrap();
    let twice = changed(&|root| {
        root["signed"]["keys"]["ff"] = root["signed"]["keys"][id].clone();
        root["signed"]["roles"]["root"]["keyids"] = json!([id, "ff", "absent"]);
    });
    for warning in
        ["the key ff stands here twice", "does not have the key absent", "key id is not the SHA-256"]
    {
        assert!(twice.text().contains(warning), "{warning}");
    }
    for path in
        ["/signed", "/signed/keys", "/signed/roles", "/signed/roles/root", "/signatures", "/signed/_type"]
    {
        for to in [Value::Null, json!(-1.5), json!([1, "x", null]), json!({"x": 1})] {
            changed(&|root| *root.pointer_mut(path).unwrap() = to.clone()).text();
        }
    }
}

#[test]
fn a_journal_in_words_and_damaged() {
    let good = journal();
    insta::assert_snapshot!(wording(&good), @r#"
    journal: file
      lines      3
      head hash  <hex>
      events
        line  time                  event               step               detail
        1     2026-12-01T10:00:00Z  key-intended        generate-key/root  root: ecdsa-p384 on root-hsm
        2     2026-12-01T10:00:00Z  certificate-signed  issue/root         root by itself, SHA-256 5050…f8ea
        3     2026-12-01T10:00:00Z  ceremony-finished   -                  plan abab…abab
    "#);
    let mut damaged = good.clone();
    let second = good.iter().position(|byte| *byte == b'\n').unwrap() + 20;
    damaged[second] ^= 1;
    let damaged = shown(&damaged);
    assert!(damaged.has_findings());
    assert!(damaged.text().contains("finding: damaged: journal.jsonl, line 2"), "{}", damaged.text());
    assert_eq!(damaged.document()["lines"], 1);
    let torn = shown(&good[..good.len() - 5]);
    assert!(torn.has_findings());
    assert!(torn.text().contains("the last line is cut off"));
    assert_eq!(torn.document()["lines"], 2);
}

#[test]
fn a_key_record_that_contradicts_itself() {
    let mut record = key_record();
    let document = of(&serde_json::to_value(&record).unwrap()).document();
    assert_eq!(document["key-claims"]["CKA_EXTRACTABLE"], false);
    assert_eq!(document["request"]["proof-of-possession"], true);
    record.fingerprint = "00".repeat(32);
    assert!(of(&serde_json::to_value(&record).unwrap()).has_findings());
}

#[test]
fn a_site_without_its_secrets() {
    let text = wording(SITE.as_bytes());
    insta::assert_snapshot!(text, @r#"
    site: file
      site SHA-256           <hex>
      purpose                rehearsal
      dates are moved        by -8 days
      environment variables  SOFTHSM2_CONF
                             VENDOR_PASSPHRASE

      device 1 of 1: root-hsm
        module          /usr/lib/softhsm/libsofthsm2.so
        module SHA-256  not pinned
        serial number   1f0e
        label           not named
        PIN             file root.pin
        SO PIN          environment variable SO_PIN
    "#);
    assert!(!text.contains("hunter2"));
}
