//! Rules for what a canary's keys sign: Fulcio's profile, RFC 6962, RFC 3161, and the formats of Rekor.

pub mod certificate;

use certificate::seconds;
use der::oid::db::rfc5280;
use der::{Decode, Encode};
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::checkpoint::{self, Checkpoint};
use super::leaf::{self, LIFETIME, Leaf, POISON, SCTS};
use super::log_entry::{self, EntryTimestamp};
use super::sct::{self, Sct};
use super::timestamp::{self, Timestamp};
use crate::lint::{Findings, Lintable, Rule, RuleInfo, Rules, rules};
use crate::pki::{Algorithm, Document, Draft};
use crate::trust_root::log::Kind;

fn judge<T: Document>(draft: &Draft<T>, rules: &Rules, table: &[Rule<Draft<T>>]) -> Findings {
    let mut findings = Findings::default();
    findings.check(rules, table, &draft.object, draft);
    findings
}

macro_rules! lintable {
    ($($document:ty, $room:ident;)*) => {
        $(impl Lintable for $document {
            fn lint(draft: &Draft<Self>, rules: &Rules) -> Findings {
                judge(draft, rules, $room::RULES)
            }
        })*

        /// Every rule for what a canary's keys sign. No plan waives one: a canary is made to be as it should be.
        pub fn all() -> impl Iterator<Item = RuleInfo> {
            std::iter::empty()$(.chain($room::RULES.iter().map(Rule::info)))*
        }
    };
}

lintable! {
    Leaf, certificate;
    Sct, promise;
    Checkpoint, note;
    EntryTimestamp, entry;
    Timestamp, token;
}

/// Signed certificate timestamps.
pub mod promise {
    use super::*;
    rules! {
        "Rules for a certificate log's promise.", Draft<Sct>;
        super::sct_bytes, "CANARY-SCT-STRUCTURE", Structural, "The bytes are those of RFC 6962's structure, over the precertificate without its poison.", "RFC 6962, 3.2";
        super::sct_time, "CANARY-SCT-TIME", Structural, "The promise is made while the certificate is valid.", "RFC 6962, 3.2";
        super::sct_key, "CANARY-SCT-KEY", Structural, "The log's key is P-256: a stock client refuses any other.", "sigstore-python";
    }
}

/// Checkpoints.
pub mod note {
    use super::*;
    rules! {
        "Rules for a log's checkpoint.", Draft<Checkpoint>;
        super::note_text, "CANARY-CHECKPOINT-TEXT", Structural, "Origin, size and root, each on its line, then the canary's mark.", "C2SP, tlog-checkpoint";
        super::note_origin, "CANARY-CHECKPOINT-ORIGIN", Structural, "The origin is the log's host, for Rekor v1 with its tree's number behind it.", "C2SP, tlog-checkpoint; sigstore-go";
        super::note_index, "CANARY-CHECKPOINT-INDEX", Structural, "The entry's index is not 0, and below the size.", "sigstore-python";
    }
}

/// Signed entry timestamps.
pub mod entry {
    use super::*;
    rules! {
        "Rules for the promise of a Rekor v1 log.", Draft<EntryTimestamp>;
        super::entry_bytes, "CANARY-SET-CANONICAL", Structural, "The bytes are RFC 8785 JSON of entry, time, log and an index above 0.", "Rekor v1; RFC 8785";
        super::entry_time, "CANARY-SET-TIME", Structural, "The entry was taken in while the certificate is valid.", "Rekor v1";
    }
}

/// Timestamps.
pub mod token {
    use super::*;
    rules! {
        "Rules for a timestamp.", Draft<Timestamp>;
        super::token_attributes, "CANARY-TST-ATTRIBUTES", Structural, "The signed attributes are a DER SET with the digest of the TSTInfo in it, and the TSTInfo has the digest of what is stamped.", "RFC 5652, 5.3; RFC 3161, 2.4.2";
        super::token_signer, "CANARY-TST-SIGNER", Structural, "The signer's certificate is for timestamps and nothing else, critically, and has the key that signs.", "RFC 3161, 2.3";
        super::token_time, "CANARY-TST-TIME", Structural, "The moment lies in the validity of the signer and of those above it.", "RFC 3161, 4";
        super::token_key, "CANARY-TST-KEY", Structural, "The signer's key is P-256 or P-384: stock clients refuse others.", "sigstore-python, sigstore-js";
    }
}

// ---- signed certificate timestamps

fn sct_bytes(case: &Draft<Sct>) -> Option<String> {
    let expected = sct::signed_bytes(&case.context);
    let poisoned = leaf::read(&case.context.tbs).map_or(true, |tbs| {
        tbs.extensions().into_iter().flatten().any(|one| one.extn_id == POISON || one.extn_id == SCTS)
    });
    (expected.as_deref() != Some(case.bytes.as_slice()) || poisoned)
        .then(|| "the bytes are others, or the certificate in them is none or has a poison or promise".into())
}

fn sct_time(case: &Draft<Sct>) -> Option<String> {
    (!case.context.in_time()).then(|| {
        format!("the promise is of {}, the certificate from {}", case.context.time, case.context.from)
    })
}

fn sct_key(case: &Draft<Sct>) -> Option<String> {
    let found = case.public.algorithm();
    (found != Algorithm::EcdsaP256).then(|| format!("the log's key is {found}"))
}

// ---- checkpoints

fn note_text(case: &Draft<Checkpoint>) -> Option<String> {
    let checkpoint::Context { origin, size, root, .. } = &case.context;
    let root = data_encoding::BASE64.encode(root);
    let expected = format!("{}\n{size}\n{root}\n{}\n", origin.line(), checkpoint::MARK);
    (case.bytes != expected.as_bytes())
        .then(|| format!("the note is {:?}", String::from_utf8_lossy(&case.bytes)))
}

fn note_origin(case: &Draft<Checkpoint>) -> Option<String> {
    let checkpoint::Context { origin, .. } = &case.context;
    let line = origin.line();
    let numbered = line.rsplit_once(" - ").is_some_and(|(host, number)| {
        host == origin.host && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let plain =
        !origin.host.is_empty() && !origin.host.chars().any(|c| c.is_whitespace() || "+/:".contains(c));
    let ok = plain
        && match origin.kind {
            Kind::RekorV1 => numbered,
            Kind::RekorV2 => line == origin.host,
            Kind::Ct => false,
        };
    (!ok).then(|| format!("the origin is `{line}`"))
}

fn note_index(case: &Draft<Checkpoint>) -> Option<String> {
    let checkpoint::Context { index, size, .. } = &case.context;
    (*index == 0 || index >= size).then(|| format!("index {index} in a tree of {size}"))
}

// ---- signed entry timestamps

fn entry_bytes(case: &Draft<EntryTimestamp>) -> Option<String> {
    let expected = log_entry::promised(&case.context, log_entry::INDEX).ok();
    (expected.as_deref() != Some(case.bytes.as_slice())).then(|| "the bytes are others".into())
}

fn entry_time(case: &Draft<EntryTimestamp>) -> Option<String> {
    let log_entry::Context { time, from, .. } = &case.context;
    (!(0..=LIFETIME).contains(&time.since(*from)))
        .then(|| format!("taken in at {time}, the certificate is from {from}"))
}

// ---- timestamps

fn token_attributes(case: &Draft<Timestamp>) -> Option<String> {
    use sha2::{Digest, Sha256, Sha384, Sha512};
    let timestamp::Context { info, stamped, .. } = &case.context;
    let holds = |whole: &[u8], part: &[u8]| whole.windows(part.len()).any(|window| window == part);
    let is_set = der::AnyRef::from_der(&case.bytes).is_ok_and(|any| der::Tagged::tag(&any) == der::Tag::Set);
    let digest = match case.public.algorithm() {
        Algorithm::EcdsaP384 => Sha384::digest(info).to_vec(),
        Algorithm::EcdsaP521 | Algorithm::Ed25519 => Sha512::digest(info).to_vec(),
        _ => Sha256::digest(info).to_vec(),
    };
    (!(is_set && holds(&case.bytes, &digest) && holds(info, &Sha256::digest(stamped))))
        .then(|| "no SET, or other digests".into())
}

fn token_signer(case: &Draft<Timestamp>) -> Option<String> {
    let signer = case.context.chain.first().map(|signer| signer.tbs());
    let purpose = signer.and_then(|signer| signer.get_extension::<ExtendedKeyUsage>().ok().flatten());
    let for_it =
        purpose.is_some_and(|(critical, found)| critical && found.0 == [rfc5280::ID_KP_TIME_STAMPING]);
    let spki = signer.and_then(|signer| signer.subject_public_key_info().to_der().ok());
    let own = spki.as_deref() == Some(case.public.spki());
    (!(for_it && own)).then(|| "another key, or a certificate that is not for timestamps alone".into())
}

fn token_time(case: &Draft<Timestamp>) -> Option<String> {
    let time = Some(case.context.time.unix());
    case.context.chain.iter().map(|one| one.tbs()).find_map(|one| {
        let validity = one.validity();
        let inside = seconds(&validity.not_before) <= time && time <= seconds(&validity.not_after);
        (!inside).then(|| {
            let (from, to) = (validity.not_before, validity.not_after);
            let name = crate::pki::name::readable(one.subject());
            format!("{} is outside of {from} to {to} of {name}", case.context.time)
        })
    })
}

fn token_key(case: &Draft<Timestamp>) -> Option<String> {
    let found = case.public.algorithm();
    (!matches!(found, Algorithm::EcdsaP256 | Algorithm::EcdsaP384))
        .then(|| format!("the signer's key is {found}"))
}

#[cfg(test)]
mod tests;
