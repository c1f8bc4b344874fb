//! C2SP's x509-limbo, as far as it is about hierarchies of CAs: its cases against the paths that `verify`
//! builds, and against the rules where a CA's certificate is misshapen. Every disagreement stands in
//! docs/second-opinion.md with its reason, and nothing stands there that is none.
//!
//! The cases are not part of this project. They are read from the file that `X509_LIMBO` names, or from
//! `../shared/data/x509-limbo.json`; where there is none, these tests say that they were not run.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::{env, fs};

use rootwright::lint::Finding;
use rootwright::pki::{Certificate, Draft};
use rootwright::plan::{Profile, Time, Validity};
use rootwright::verify::crl;
use rootwright::verify::parsed::Parsed;
use rootwright::verify::path::{self, Question};
use serde_json::Value;
use support::documents::{loud, repository_file, rows};
use support::drafts::{self, Asked};

const DOCUMENT: &str = "docs/second-opinion.md";

/// What is not about a hierarchy of CAs: how the ids of such cases begin, and why.
const LEFT_OUT: [(&str, &str); 11] = [
    ("webpki::san::", "names of hosts"),
    ("webpki::cn::", "names of hosts"),
    ("rfc5280::san::", "names of hosts"),
    ("rfc5280::ca-as-leaf-wrong-san", "names of hosts"),
    ("webpki::nc::", "constraints of the names of hosts"),
    ("cve::cve-2025-61727", "constraints of the names of hosts"),
    ("pathological::nc-dos-", "constraints of the names of hosts"),
    ("rfc5280::nc::", "constraints of the names of hosts and of mail addresses"),
    ("webpki::eku::ee-", "certificates of web servers"),
    ("webpki::ee-basicconstraints-ca", "certificates of web servers"),
    ("webpki::ca-as-leaf", "certificates of web servers"),
];

/// Constraints of other names, and of where they may stand, which `LEFT_OUT` must not take along.
fn constrains_a_hierarchy(id: &str) -> bool {
    id.starts_with("rfc5280::nc::")
        && (id.contains("-dn-match") || id.contains("-dn-mismatch") || id.contains("-in-ee-"))
}

/// The moment of cases that name none: their certificates are valid for a thousand years.
const SOME_DAY: &str = "2026-01-01T00:00:00Z";

struct Case(Value);

impl Case {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    fn expected(&self) -> &str {
        self.0["expected_result"].as_str().unwrap()
    }

    fn ders(&self, field: &str) -> Vec<Vec<u8>> {
        self.0[field].as_array().into_iter().flatten().map(pem).collect()
    }

    /// What a verifier makes of it: SUCCESS or FAILURE as limbo writes it, and why.
    fn judged(&self) -> (&'static str, String) {
        match self.path() {
            Ok(()) => ("SUCCESS", String::new()),
            Err(reason) => ("FAILURE", reason),
        }
    }

    fn path(&self) -> Result<(), String> {
        // Whole seconds, as certificates have them: what is behind the point is left out.
        let time = self.0["validation_time"].as_str().unwrap_or(SOME_DAY);
        let at = format!("{}Z", &time[..19]).parse::<Time>().unwrap().unix();
        let (end, trusted, others) = (
            pem(&self.0["peer_certificate"]),
            self.ders("trusted_certs"),
            self.ders("untrusted_intermediates"),
        );
        let end = Parsed::read(&end)?;
        let read = |ders| -> Vec<Parsed<'_>> {
            let ders: &Vec<Vec<u8>> = ders;
            ders.iter().filter_map(|der| Parsed::read(der).ok()).collect()
        };
        let (trusted, others) = (read(&trusted), read(&others));
        let depth = self.0["max_chain_depth"].as_u64().and_then(|depth| usize::try_from(depth).ok());
        let question = Question {
            at: Some(at),
            purpose: self.0["extended_key_usage"][0].as_str(),
            end_issues: false,
            longest: depth.unwrap_or(Question::default().longest),
        };
        let (trusted, others): (Vec<_>, Vec<_>) = (trusted.iter().collect(), others.iter().collect());
        let path = path::build(&end, &others, &trusted, &question)?;
        self.revocation(&end, path[1], at)
    }

    /// Where there are CRLs, one of the issuer's must be good, and must not list the end.
    fn revocation(&self, end: &Parsed<'_>, issuer: &Parsed<'_>, at: i64) -> Result<(), String> {
        let crls = self.ders("crls");
        let lists: Vec<_> = crls.iter().map(|der| crl::revoked(der, issuer, at)).collect();
        if lists.iter().flatten().flatten().any(|serial| serial == end.x509.raw_serial()) {
            return Err("it is revoked".into());
        }
        match lists.into_iter().find_map(Result::err) {
            Some(reason) if crls.len() == 1 => Err(reason),
            _ => Ok(()),
        }
    }

    /// What the rules find in the CA certificates of the case, each by its role.
    fn findings(&self) -> Vec<(Profile, Finding)> {
        let ders = [self.ders("trusted_certs"), self.ders("untrusted_intermediates")].concat();
        let read: Vec<Certificate> = ders.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        let mut found = Vec::new();
        for certificate in &read {
            let issuers = read.iter().filter(|issuer| issuer.tbs().subject() == certificate.tbs().issuer());
            for issuer in issuers {
                if let Some(draft) = draft(certificate, issuer) {
                    let profile = draft.context.profile;
                    found.extend(drafts::lint(&draft).0.into_iter().map(|finding| (profile, finding)));
                }
            }
        }
        found
    }
}

fn pem(text: &Value) -> Vec<u8> {
    let body: String = text.as_str().unwrap().lines().filter(|line| !line.starts_with("-----")).collect();
    data_encoding::BASE64.decode(body.as_bytes()).unwrap()
}

/// A certificate as if it were about to be signed, by a plan that asks for its name and its validity.
fn draft(certificate: &Certificate, issuer: &Certificate) -> Option<Draft<Certificate>> {
    let tbs = certificate.tbs();
    let time = |time: &x509_cert::time::Time| {
        Time::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap()).unwrap()
    };
    let root = tbs.issuer() == tbs.subject();
    let asked = Asked {
        profile: if root { Profile::Root } else { Profile::CodeSigning },
        subject: tbs.subject().clone(),
        validity: Validity { from: time(&tbs.validity().not_before), to: time(&tbs.validity().not_after) },
        policies: Vec::new(),
        crl_urls: Vec::new(),
        issuer_urls: Vec::new(),
    };
    drafts::draft(certificate, (!root).then_some(issuer), asked)
}

/// The cases that apply; none where the data is not there.
fn cases(test: &str) -> Option<BTreeMap<String, Case>> {
    let file = env::var_os("X509_LIMBO").map(PathBuf::from);
    let file = file.unwrap_or_else(|| support::repository().join("../shared/data/x509-limbo.json"));
    if !file.exists() {
        loud(&format!("not run: {test}: no {}; X509_LIMBO names another place", file.display()));
        return None;
    }
    let data: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let all = data["testcases"].as_array().unwrap();
    let applies = |case: &&Value| {
        let id = case["id"].as_str().unwrap();
        constrains_a_hierarchy(id) || !LEFT_OUT.iter().any(|(prefix, _)| id.starts_with(prefix))
    };
    let kept =
        all.iter().filter(applies).map(|case| (case["id"].as_str().unwrap().to_string(), Case(case.clone())));
    Some(kept.collect())
}

#[test]
fn paths_are_judged_as_limbo_judges_them() {
    let Some(cases) = cases("paths against x509-limbo") else { return };
    assert!(cases.len() > 90, "only {} cases apply", cases.len());
    let found: BTreeSet<[String; 3]> = cases
        .values()
        .filter_map(|case| {
            let (verdict, reason) = case.judged();
            if verdict == case.expected() {
                return None;
            }
            println!("{}: {verdict}: {reason}", case.id());
            Some([case.id(), case.expected(), verdict].map(ToString::to_string))
        })
        .collect();
    let document = repository_file(DOCUMENT);
    let listed: Vec<Vec<String>> = rows(&document, "### Paths that are judged otherwise");
    for row in &listed {
        assert!(row.len() == 4 && row[3].len() > 20, "a disagreement without a reason: {row:?}");
    }
    let listed: BTreeSet<[String; 3]> =
        listed.into_iter().map(|row| <[String; 3]>::try_from(row[..3].to_vec()).unwrap()).collect();
    assert_eq!(found, listed, "left: what differs; right: what {DOCUMENT} lists");
}

#[test]
fn refusals_are_for_the_reason_that_limbo_means() {
    let Some(cases) = cases("reasons against x509-limbo") else { return };
    let rows = rows(&repository_file(DOCUMENT), "### The same faults, found by the rules");
    assert!(rows.len() > 15);
    for row in rows {
        let [id, reason, ..] = row.as_slice() else { panic!("{row:?}") };
        let case = cases.get(id).unwrap_or_else(|| panic!("x509-limbo has no case {id}"));
        let (verdict, said) = case.judged();
        assert!(verdict == "FAILURE" && said.contains(reason), "{id}: {verdict}: {said}");
    }
}

#[test]
fn rules_find_the_faults_of_misshapen_cas() {
    let Some(cases) = cases("rules against x509-limbo") else { return };
    // Limbo's good CAs are no CAs of ours: what the rules say of these says nothing of the bad ones.
    let plain = ["rfc5280::no-keyusage", "pathlen::ee-with-intermediate-pathlen-0"];
    let plain: Vec<(Profile, Finding)> = plain.iter().flat_map(|id| cases[*id].findings()).collect();
    assert!(plain.iter().any(|(profile, _)| *profile == Profile::Root));
    assert!(plain.iter().any(|(profile, _)| *profile == Profile::CodeSigning));
    for row in rows(&repository_file(DOCUMENT), "### The same faults, found by the rules") {
        let [id, _, rule, words] = row.as_slice() else { panic!("{row:?}") };
        if rule == "none" {
            continue;
        }
        let fires =
            |(_, finding): &&(Profile, Finding)| finding.rule == rule && finding.found.contains(words);
        let findings = cases[id].findings();
        let found = findings.iter().find(fires);
        let (profile, _) =
            found.unwrap_or_else(|| panic!("{id}: {rule} does not say `{words}`: {findings:#?}"));
        let mut plain = plain.iter().filter(|(other, _)| other == profile);
        assert_eq!(plain.find(fires), None, "{id}: {rule} says `{words}` of a good {profile} too");
    }
}
