//! An approval is one of this plan, for this purpose, by a person's own key, or it is none.

use rcgen::{KeyPair, PublicKeyData, SigningKey};
use serde_json::Value;

use super::*;
use crate::archive::State;
use crate::archive::made::MadeKey;
use crate::lint::Rules;
use crate::pki::{PublicKey, Signature};
use crate::plan::{Plan, tests::example};

const PLAN: &str = "ab";

/// An archive that knows a key of keyholder-1, and the root's.
fn known() -> (State, KeyPair, KeyPair) {
    let (person, root) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut state = State::default();
    for (name, pair) in [("keyholder-1", &person), ("root", &root)] {
        let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
        let keyholder = (name != "root").then(|| name.parse().unwrap());
        let made = MadeKey { spec: Value::Null, public, device: None, keyholder };
        state.keys.insert(name.parse().unwrap(), made);
    }
    (state, person, root)
}

fn plan_hash() -> String {
    PLAN.repeat(32)
}

fn approvable<'a>(plan: &'a Plan, state: &'a State, hash: &'a str) -> Approvable<'a> {
    Approvable { signers: Signers { plan, state }, plan: hash, purpose: Purpose::Production }
}

fn keyholder() -> Name {
    "keyholder-1".parse().unwrap()
}

/// An approval of keyholder-1, signed with a key.
fn approval(approvable: &Approvable<'_>, pair: &KeyPair) -> Result<Vec<u8>, String> {
    let payload = approvable.statement(&keyholder()).unwrap();
    let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
    let draft = approvable.signers.draft(approvable.asked(&payload), &keyholder(), &public);
    let linted = draft.lint(&Rules::default()).map_err(|findings| findings.to_string())?;
    let signature = Signature(pair.sign(&linted.draft().bytes).unwrap());
    let endorsed = Endorsed::by_device(linted, signature).unwrap();
    Ok(Envelope { payload, signatures: vec![endorsed.signature().clone()] }.file())
}

#[test]
fn an_approval_is_read_back_and_counts_for_its_plan_and_purpose_alone() {
    let (plan, (state, person, _), hash) = (example(), known(), plan_hash());
    let approvable = approvable(&plan, &state, &hash);
    let file = approval(&approvable, &person).unwrap();
    let (who, endorsed) = approvable.read(&file).unwrap();
    assert_eq!(who, keyholder());
    assert_eq!(endorsed.key(), state.keys[&keyholder()].public.fingerprint());

    let other = "cd".repeat(32);
    let refused = Approvable { plan: &other, ..approvable }.read(&file).unwrap_err().to_string();
    assert!(refused.contains("and this one has cdcd"), "{refused}");
    let refused = Approvable { purpose: Purpose::Rehearsal, ..approvable }.read(&file).unwrap_err();
    assert!(matches!(refused, BadApproval::OtherWords("a rehearsal")), "{refused}");
    let text = String::from_utf8(file.clone()).unwrap();
    let sig = Envelope::parse(&file).unwrap().signatures.remove(0).sig;
    let flipped = text.replace(&sig, &format!("A{}", &sig[1..]));
    assert!(matches!(approvable.read(flipped.as_bytes()), Err(BadApproval::Signature { .. })));
    let mut unsigned = Envelope::parse(&file).unwrap();
    unsigned.signatures.clear();
    assert!(matches!(approvable.read(&unsigned.file()), Err(BadApproval::Signatures(0))));
}

#[test]
fn a_cas_key_approves_nothing() {
    let (plan, (mut state, _, root), hash) = (example(), known(), plan_hash());
    let refused = approval(&approvable(&plan, &state, &hash), &root).unwrap_err();
    assert!(refused.contains("STATEMENT-NO-CA-KEY") && refused.contains("the key `root`"), "{refused}");
    // Not even where the archive calls it a person's.
    let stranger = KeyPair::generate().unwrap();
    state.keys.remove(&keyholder());
    let refused = approval(&approvable(&plan, &state, &hash), &stranger).unwrap_err();
    assert!(refused.contains("STATEMENT-OWN-KEY"), "{refused}");
    assert!(refused.contains("neither plan nor archive knows a key of keyholder-1"), "{refused}");
}
