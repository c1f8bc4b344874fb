//! Keys that live elsewhere: a request that comes in proves possession of the plan's key and is granted the
//! profile, no more; and a request that goes out asks a CA that is not ours for what the profile has.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rootwright::archive::{Event, Journal};
use rootwright::verify::{Options, Verdict, verify};
use serde_json::json;
use support::{Run, copy, folder, rehearse, repository, run};

const PLAN: &str = "ceremony/sigstore.toml";

fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[track_caller]
fn made(folder: &Path, arguments: &[&str]) {
    let (fine, said) = openssl(folder, arguments);
    assert!(fine, "openssl {arguments:?}: {said}");
}

/// A key of somebody else's, and a request for it with these extensions.
fn request(folder: &Path, name: &str, subject: &str, extensions: &[&str]) {
    let key = format!("{name}.key");
    made(folder, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", &key]);
    let out = format!("{name}.csr");
    let mut arguments = vec!["req", "-new", "-sha384", "-key", &key, "-subj", subject, "-out", &out];
    for extension in extensions {
        arguments.extend(["-addext", extension]);
    }
    made(folder, &arguments);
}

/// SHA-256 of the key in a request, as its owner reads it.
fn fingerprint(folder: &Path, csr: &str) -> String {
    let shown = run(["--json", "show", &folder.join(csr).display().to_string()]);
    assert_eq!(shown.code, 0, "{}", shown.shown());
    let text = shown.out;
    let at =
        text.find("key-SHA-256").or_else(|| text.find("key-sha-256")).unwrap_or_else(|| panic!("{text}"));
    let hex = |c: &char| c.is_ascii_hexdigit();
    let rest = &text[at + "key-sha-256".len()..];
    rest.chars().skip_while(|c| !hex(c)).take_while(hex).collect()
}

/// The example with its code-signing intermediate's key brought by a request.
fn plan(folder: &Path, csr: &str, fingerprint: &str) -> PathBuf {
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    let key = "fulcio-2026     = { device = \"issuing-hsm\", algorithm = \"ecdsa-p384\" }";
    assert!(text.contains(key));
    let text =
        text.replace(key, &format!("fulcio-2026 = {{ csr = \"{csr}\", fingerprint = \"{fingerprint}\" }}"));
    // Its key can't sign here, so no canary either.
    let (before, rest) = text.split_once("[prove]").unwrap();
    let after = rest.split_once("# Five keyholders").unwrap().1;
    let path = folder.join("plan.toml");
    fs::write(&path, format!("{before}# Five keyholders{after}")).unwrap();
    path
}

const SUBJECT: &str = "/O=Example Project/CN=REHEARSAL Example Sigstore Intermediate 2026";

#[test]
fn a_request_from_elsewhere_is_granted_the_profile_and_no_more() {
    let place = folder();
    let place = place.path();
    request(place, "kms", SUBJECT, &["basicConstraints=critical,CA:TRUE,pathlen:0"]);
    let archive = place.join("archive");
    let held = rehearse(&plan(place, "kms.csr", &fingerprint(place, "kms.csr")), &archive);
    assert_eq!(held.code, 0, "{}", held.shown());
    let verified = run(["verify", &archive.display().to_string(), "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains("proves that whoever made it holds the private key"), "{}", verified.out);
    // The certificate is for that key, and OpenSSL builds its path.
    let certificates = archive.join("certificates");
    made(&certificates, &["verify", "-x509_strict", "-CAfile", "root.pem", "fulcio-2026.pem"]);
    let (_, key) = openssl(&certificates, &["x509", "-in", "fulcio-2026.pem", "-noout", "-pubkey"]);
    let (_, asked) = openssl(place, &["req", "-in", "kms.csr", "-noout", "-pubkey"]);
    assert_eq!(key, asked);
    let (_, text) = openssl(&certificates, &["x509", "-in", "fulcio-2026.pem", "-noout", "-text"]);
    assert!(text.contains("Code Signing") && text.contains("CA:TRUE, pathlen:0"), "{text}");
    assert_eq!(text.matches("X509v3 ").count(), 6, "{text}"); // the heading, and the profile's five
}

#[test]
fn a_request_that_is_not_as_planned_is_refused_before_anything_is_made() {
    let place = folder();
    let place = place.path();
    request(place, "good", SUBJECT, &[]);
    let good = fingerprint(place, "good.csr");
    let refused = |csr: &str, fingerprint: &str, phrase: &str| {
        let archive = place.join("archive");
        let refused = rehearse(&plan(place, csr, fingerprint), &archive);
        assert_eq!(refused.code, 1, "{csr}: {}", refused.shown());
        assert!(refused.err.contains(phrase), "{phrase}: {}", refused.shown());
        assert!(!archive.exists(), "{phrase}: something was made");
    };
    // Another key than the plan's, though everything else of it is right.
    refused("good.csr", &"5a".repeat(32), "CSR-KEY-PLANNED");
    // Nobody proved to hold the key.
    let text = fs::read(place.join("good.csr")).unwrap();
    let (_, der) = der::pem::decode_vec(&text).unwrap();
    let mut forged = der;
    let at = forged.windows(7).position(|found| found == b"Example").unwrap();
    forged[at] = b'e';
    fs::write(place.join("forged.csr"), forged).unwrap();
    refused("forged.csr", &good, "CSR-POSSESSION");
    for (name, subject, extensions, phrase) in [
        ("somebody", "/O=Somebody Else/CN=Somebody", &[][..], "CSR-SUBJECT"),
        ("deep", SUBJECT, &["basicConstraints=critical,CA:TRUE,pathlen:3"], "CSR-EXTENSIONS"),
        ("web", SUBJECT, &["extendedKeyUsage=codeSigning,serverAuth"], "CSR-EXTENSIONS"),
        ("host", SUBJECT, &["subjectAltName=DNS:example.org"], "CSR-EXTENSIONS"),
    ] {
        request(place, name, subject, extensions);
        let csr = format!("{name}.csr");
        refused(&csr, &fingerprint(place, &csr), phrase);
    }
    // And a fingerprint of what a device generates is none.
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    let odd = place.join("odd.toml");
    fs::write(
        &odd,
        text.replace(
            "algorithm = \"ed25519\"",
            &format!("algorithm = \"ed25519\", fingerprint = \"{good}\""),
        ),
    )
    .unwrap();
    let odd = run(["check", &odd.display().to_string()]);
    assert_eq!(odd.code, 2, "{}", odd.shown());
    assert!(odd.err.contains("what a device generates has none before"), "{}", odd.shown());
}

/// The example, whose intermediate asks a partner's CA to cross-sign it.
const OUT: &str = r#"
[csrs.fulcio-2026-by-partner]
profile     = "code-signing"
cross-signs = "fulcio-2026"
key         = "fulcio-2026"
subject     = { common-name = "Example Sigstore Intermediate 2026", organization = "Example Project" }

# The root's list of revoked"#;

/// The example with requests that go out.
fn asking(folder: &Path, edits: &[(&str, &str)]) -> PathBuf {
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    let mut out = OUT.to_string();
    for (from, to) in edits {
        assert!(out.contains(from), "{from}");
        out = out.replace(from, to);
    }
    let path = folder.join("asking.toml");
    fs::write(&path, text.replace("\n# The root's list of revoked", &out)).unwrap();
    path
}

#[test]
fn a_request_goes_out_and_a_ca_that_is_not_ours_can_grant_it() {
    let place = folder();
    let place = place.path();
    let archive = place.join("archive");
    let plan = asking(place, &[]);
    let held = rehearse(&plan, &archive);
    assert_eq!(held.code, 0, "{}", held.shown());
    assert!(held.err.contains("sign the request fulcio-2026-by-partner with fulcio-2026"), "{}", held.err);
    let text = |path: &Path| path.display().to_string();
    let verified = run(["verify", &text(&archive), "--plan", &text(&plan), "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    for words in [
        "signed by `fulcio-2026`, the key that it asks for",
        "asks for a repeat of `fulcio-2026`: subject, key",
        "sign nothing else, but 1 requests",
    ] {
        assert!(verified.out.contains(words), "{words}: {}", verified.shown());
    }
    let csr = archive.join("csrs/fulcio-2026-by-partner.csr");
    let (fine, said) = openssl(place, &["req", "-in", &text(&csr), "-verify", "-noout"]);
    assert!(fine && said.contains("verify OK"), "{said}");
    let shown = run(["show", &text(&csr)]);
    assert_eq!(shown.code, 0, "{}", shown.shown());
    assert!(shown.out.contains("codeSigning"), "{}", shown.shown());
    // A partner's CA grants what was asked for: the chain leads from our canary's issuer to its root.
    made(
        place,
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "partner.key"],
    );
    let root =
        ["req", "-x509", "-new", "-sha384", "-key", "partner.key", "-subj", "/O=Partner/CN=Partner Root"];
    made(
        place,
        &[
            &root[..],
            &["-days", "3650", "-out", "partner.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
        ]
        .concat(),
    );
    let grant = ["x509", "-req", "-sha384", "-copy_extensions", "copyall", "-CA", "partner.pem", "-CAkey"];
    let in_out =
        ["partner.key", "-CAcreateserial", "-days", "365", "-in", &text(&csr), "-out", "granted.pem"];
    made(place, &[&grant[..], &in_out].concat());
    let bundle = fs::read(archive.join("canaries/canary-1/bundle.sigstore.json")).unwrap();
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let leaf = bundle["verificationMaterial"]["certificate"]["rawBytes"].as_str().unwrap();
    let leaf = data_encoding::BASE64.decode(leaf.as_bytes()).unwrap();
    fs::write(place.join("leaf.der"), leaf).unwrap();
    made(place, &["x509", "-inform", "DER", "-in", "leaf.der", "-out", "leaf.pem"]);
    made(
        place,
        &["verify", "-x509_strict", "-CAfile", "partner.pem", "-untrusted", "granted.pem", "leaf.pem"],
    );
    // Held once more, nothing is signed again.
    let again = rehearse(&plan, &archive);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(!again.err.contains("sign the request"), "{}", again.err);
    // What was asked for does not change.
    let other = rehearse(
        &asking(place, &[("subject     =", "policies    = [\"2.5.29.32.0\"]\nsubject     =")]),
        &archive,
    );
    assert_eq!(other.code, 5, "{}", other.shown());
}

#[test]
fn a_request_that_asks_for_something_else_is_refused_by_its_rule() {
    let place = folder();
    let place = place.path();
    let refused = |code: i32, phrase: &str, edits: &[(&str, &str)]| -> Run {
        let archive = place.join("archive");
        let refused = rehearse(&asking(place, edits), &archive);
        assert_eq!(refused.code, code, "{phrase}: {}", refused.shown());
        assert!(refused.err.contains(phrase), "{phrase}: {}", refused.shown());
        assert!(!archive.exists(), "{phrase}: something was made");
        refused
    };
    let root = [
        ("\"code-signing\"", "\"cross-root\""),
        ("cross-signs = \"fulcio-2026\"", "cross-signs = \"root\""),
        ("key         = \"fulcio-2026\"", "key         = \"root\""),
        ("Intermediate 2026", "Root"),
    ];
    refused(1, "REQ-ROOT-KEY", &root);
    refused(1, "REQ-CROSS-SAME", &[("Example Sigstore", "Another Sigstore")]);
    refused(1, "REQ-CROSS-SAME", &[("key         = \"fulcio-2026\"", "key         = \"tsa-2026\"")]);
    refused(1, "REQ-CROSS-MIRRORS", &[("\"code-signing\"", "\"timestamping\"")]);
    refused(1, "REQ-KEY-ALGORITHM", &[("key         = \"fulcio-2026\"", "key         = \"rekor-2026\"")]);
    refused(
        1,
        "REQ-ONE-SUBJECT-PER-KEY",
        &[("cross-signs = \"fulcio-2026\"\n", ""), ("Intermediate 2026", "Intermediate 2036")],
    );
    refused(2, "is for a root", &[("\"code-signing\"", "\"root\"")]);
    refused(2, "a root is repeated as cross-root", &[("\"code-signing\"", "\"cross-root\"")]);
    // A root may ask where the plan says why.
    let mut waived = root.to_vec();
    let waiver = "\n[[waivers]]\nrule   = \"REQ-ROOT-KEY\"\nobject = \"csrs.fulcio-2026-by-partner\"\nreason = \"the partner's programme takes roots by cross-sign\"\n\n# The root's list of revoked";
    waived.push(("\n# The root's list of revoked", waiver));
    let archive = place.join("archive");
    let held = rehearse(&asking(place, &waived), &archive);
    assert_eq!(held.code, 0, "{}", held.shown());
    let verified = run(["verify", &archive.display().to_string(), "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains("the partner's programme takes roots"), "{}", verified.shown());
}

/// The second opinion reads the request itself.
#[test]
fn verify_refuses_a_request_for_something_else() {
    let place = folder();
    let archive = place.path().join("archive");
    let held = rehearse(&asking(place.path(), &[]), &archive);
    assert_eq!(held.code, 0, "{}", held.shown());
    let now = "2026-12-01T00:00:00Z".parse().unwrap();
    for (field, value, words) in [
        ("key", json!("tsa-2026"), "it asks for another key than `tsa-2026`"),
        (
            "cross-signs",
            json!("tsa-2026"),
            "it asks for a repeat of `tsa-2026`, and has not its subject, key",
        ),
        ("profile", json!("timestamping"), "the purposes that it asks for are"),
        ("policies", json!(["2.5.29.32.0"]), "the policies that it asks for are"),
        ("profile", json!("timestamp-signer"), "the basic constraints that it asks for are"),
    ] {
        let forged = place.path().join("forged");
        let _ = fs::remove_dir_all(&forged);
        copy(&archive, &forged);
        let records = Journal::parse(&fs::read(forged.join("journal.jsonl")).unwrap()).unwrap().records;
        let (mut journal, mut bytes) = (Journal::default(), Vec::new());
        for mut record in records {
            if let Event::CsrSigned { spec, .. } = &mut record.event {
                spec[field] = value.clone();
            }
            let (line, record, hash) = journal.line(record.time, record.event, record.files).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        fs::write(forged.join("journal.jsonl"), bytes).unwrap();
        let report = verify(&forged, &Options { at: None, now, plan: None }).unwrap();
        let said = report.checks.iter().any(|check| {
            check.verdict == Verdict::Failed
                && check.object == "csrs/fulcio-2026-by-partner.csr"
                && check.detail.contains(words)
        });
        assert!(said, "{words}: {}", report.text(true));
    }
}
