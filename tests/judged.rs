//! Linters of others over everything that the example plans make. What they find is explained in
//! docs/second-opinion.md, or this fails; so does an explanation of what they no longer find.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::clients::{self, pkilint};
use support::documents::{loud, repository_file, rows};
use support::years::{Years, starts_from};
use support::{files, folder, rehearse, rehearsed, repository};

const DOCUMENT: &str = "docs/second-opinion.md";

/// The linter's name, the finding's code, and how severe the linter takes it to be.
type Finding = [String; 3];

/// What an archive holds for linters.
#[derive(Default)]
struct Made {
    certificates: Vec<PathBuf>,
    /// Issuer, and what it issued.
    pairs: Vec<(PathBuf, PathBuf)>,
    crls: Vec<PathBuf>,
    /// Archives that are gone when this is.
    kept: Vec<Years>,
}

impl Made {
    fn take(&mut self, archive: &Path) {
        let (mut certificates, mut chains) = (BTreeMap::new(), Vec::new());
        for path in files(archive) {
            let (text, file) = (path.to_str().unwrap(), archive.join(&path));
            match text.split_once('/') {
                Some(("certificates", name)) if name.ends_with(".chain.pem") => {
                    chains.push(fs::read_to_string(file).unwrap());
                }
                Some(("certificates", _)) => {
                    certificates.insert(fs::read_to_string(&file).unwrap(), file);
                }
                Some(("crls", _)) => self.crls.push(file),
                _ => {}
            }
        }
        // A chain begins with the certificate itself and its issuer.
        for chain in chains {
            let mut blocks = chain.split_inclusive("-----END CERTIFICATE-----\n");
            if let (Some(own), Some(issuer)) = (blocks.next(), blocks.next()) {
                self.pairs.push((certificates[issuer].clone(), certificates[own].clone()));
            }
        }
        self.certificates.extend(certificates.into_values());
    }
}

/// All that the plans of `ceremony/` make, and one that uses what they leave out.
fn everything() -> Made {
    let mut made = Made::default();
    for plan in files(&repository().join("ceremony")) {
        if plan.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = format!("ceremony/{}", plan.display());
        // What follows another plan is held over what that one made.
        if starts_from(&repository().join(&name)).is_none() {
            made.take(rehearsed(&name));
        } else {
            let years = Years::after(&name);
            made.take(&years.archive());
            made.kept.push(years);
        }
    }
    let place = support::program_folder();
    let (plan, archive) = (place.join("everything.toml"), place.join("everything"));
    if !archive.exists() {
        fs::write(&plan, with_everything()).unwrap();
        let run = rehearse(&plan, &archive);
        assert_eq!(run.code, 0, "{}", run.shown());
    }
    made.take(&archive);
    made
}

/// The example with a country, policies, addresses and revoked certificates.
fn with_everything() -> String {
    let text = repository_file("ceremony/sigstore.toml");
    let more = r#"
[certificates.fulcio-old]
profile  = "code-signing"
key      = "fulcio-old"
issuer   = "root"
subject  = { common-name = "Exämple, old", organization = "Example Project", country = "DE" }
validity = { from = "2026-12-01T00:00:00Z", for = "1 year" }
policies = ["1.3.6.1.4.1.57264.2", "2.5.29.32.0"]
crl-urls = ["http://crl.example.org/root.crl", "http://crl2.example.org/root.crl"]
issuer-urls = ["http://example.org/root.cer"]

[crls.root-2]
issuer   = "root"
number   = 2
validity = { from = "2026-12-01T00:00:00Z", to = "2027-11-01T00:00:00Z" }
revoked  = [{ certificate = "fulcio-old", date = "2026-12-01T00:00:00Z", reason = "superseded" }]

[trust-root]"#;
    let key = "[keys]\nfulcio-old = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }";
    text.replacen("[keys]", key, 1).replacen("[trust-root]", more, 1)
}

/// What stands in the document, for one linter.
fn explained(linter: &str) -> BTreeSet<Finding> {
    let rows = rows(&repository_file(DOCUMENT), "## What other linters say");
    let own = rows.into_iter().filter(|row| row.first().is_some_and(|first| first == linter));
    own.map(|row| {
        assert!(row.len() == 4 && row[3].len() > 20, "a finding without an explanation: {row:?}");
        <Finding>::try_from(row[..3].to_vec()).unwrap()
    })
    .collect()
}

fn run(mut command: Command, what: &str) -> String {
    command.env_remove("PYTHONPATH");
    let (code, out, err) = clients::run(command, Duration::from_secs(120));
    assert!(code.is_some() && err.trim().is_empty(), "{what} came to no judgement ({code:?}): {err}");
    out
}

fn judged_by_pkilint(made: &Made) -> Vec<Value> {
    let mut command = pkilint();
    for file in &made.certificates {
        command.arg("cert").arg(file);
    }
    for (issuer, subject) in &made.pairs {
        command.arg("pair").arg(issuer).arg(subject);
    }
    for file in &made.crls {
        command.arg("crl").arg(file);
    }
    let document: Value = serde_json::from_str(&run(command, "pkilint")).unwrap();
    let judged = document["judged"].as_array().unwrap().len();
    assert_eq!(judged, made.certificates.len() + made.pairs.len() + made.crls.len());
    document["findings"].as_array().unwrap().clone()
}

#[test]
fn pkilint_finds_nothing_that_is_not_explained() {
    let made = everything();
    assert!(made.certificates.len() >= 11 && made.pairs.len() >= 8 && made.crls.len() >= 3);
    let found = judged_by_pkilint(&made);
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_string();
    let codes: BTreeSet<Finding> = found
        .iter()
        .map(|finding| ["pkilint".into(), text(finding, "code"), text(finding, "severity")])
        .collect();
    assert_eq!(codes, explained("pkilint"), "left: found; right: explained in {DOCUMENT}\n{found:#?}");
}

#[test]
fn pkilint_would_find_what_is_wrong() {
    let place = folder();
    let write = |name: &str, der: &[u8]| {
        let file = place.path().join(name);
        let body = data_encoding::BASE64.encode(der);
        fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"))
            .unwrap();
        file
    };
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CountryName, "Deutschland");
    let pair = rcgen::KeyPair::generate().unwrap();
    let bad = write("bad.pem", params.self_signed(&pair).unwrap().der());
    let made = Made { certificates: vec![bad], ..Made::default() };
    let found = judged_by_pkilint(&made);
    assert!(found.iter().any(|finding| finding["severity"] == "ERROR"), "{found:#?}");
}

/// zlint is a program of its own, which Debian 12 does not have.
#[test]
fn zlint_finds_nothing_that_is_not_explained() {
    let found = Command::new("zlint").arg("-version").output();
    if found.is_err() {
        return loud("not run: zlint over what the example plans make: there is none on the PATH");
    }
    let made = everything();
    let mut codes: BTreeSet<Finding> = BTreeSet::new();
    for file in made.certificates.iter().chain(&made.crls) {
        let format = if file.extension().is_some_and(|extension| extension == "crl") { "der" } else { "pem" };
        let mut command = Command::new("zlint");
        command.arg("-format").arg(format).arg(file);
        let document: Value = serde_json::from_str(&run(command, "zlint")).unwrap();
        let lints = document.as_object().unwrap();
        assert!(lints.len() > 10, "{}: {lints:?}", file.display());
        for (code, lint) in lints {
            let result = lint["result"].as_str().unwrap();
            if !["pass", "NA", "NE"].contains(&result) {
                codes.insert(["zlint".into(), code.clone(), result.to_string()]);
            }
        }
    }
    assert_eq!(codes, explained("zlint"), "left: found; right: explained in {DOCUMENT}");
}
