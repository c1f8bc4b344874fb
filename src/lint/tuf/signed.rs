//! Rules for a role's metadata together with its signatures, before the file of them is published.

use std::collections::BTreeSet;

use crate::lint::{Findings, Rules, rules};
use crate::tuf::{Metadata, RoleSignature, Root, may_sign, progress};

/// Metadata, its signatures, and the root that clients trust: of root metadata the version before it.
pub struct File {
    /// What the role says.
    pub metadata: Metadata,
    /// Who signed it.
    pub signatures: Vec<RoleSignature>,
    /// The root in force; none for the first.
    pub in_force: Option<Root>,
}

rules! {
    "Every rule for metadata with its signatures.", File;
    before, "TUF-SIGNED-BEFORE", Structural, "A new root is signed by the threshold of the root before it, counted by different keys: clients that have that one take no other.", "TUF 1.0.31, 5.3.4 and 6.1";
    own, "TUF-SIGNED-THRESHOLD", Structural, "Metadata is signed by the threshold of the root in force, and a root by its own, counted by different keys.", "TUF 1.0.31, 5.3.4, 5.4.1, 5.5.2 and 5.6.2; six clients take one key under two ids for two";
    known, "TUF-SIGNED-KNOWN", Structural, "Only keys sign that the root in force, or the root that is signed, names for the role, and each id once.", "TUF 1.0.31, 4.2.1";
}

/// Judges metadata with its signatures.
pub fn lint(object: &str, file: &File, rules: &Rules) -> Result<Findings, Findings> {
    let mut findings = Findings::default();
    findings.check(rules, RULES, object, file);
    findings.stopping()
}

/// What a root lacks, if it lacks something.
fn lacking(file: &File, root: &Root) -> Option<String> {
    let role = file.metadata.role();
    match progress(&file.metadata, &file.signatures, root) {
        Ok(progress) if progress.is_enough() => None,
        Ok(progress) => Some(format!(
            "{role} has the signatures of {} different keys, and root version {} asks for {}",
            progress.signed, root.head.version, progress.threshold
        )),
        Err(error) => Some(error.to_string()),
    }
}

fn before(file: &File) -> Option<String> {
    let Metadata::Root(root) = &file.metadata else { return None };
    match &file.in_force {
        Some(before) => lacking(file, before),
        None => (root.head.version != 1).then(|| "there is no root before it".into()),
    }
}

fn own(file: &File) -> Option<String> {
    match (&file.metadata, &file.in_force) {
        (Metadata::Root(root), _) => lacking(file, root),
        (_, Some(root)) => lacking(file, root),
        (_, None) => Some("there is no root in force".into()),
    }
}

fn known(file: &File) -> Option<String> {
    let known = may_sign(&file.metadata, file.in_force.as_ref());
    let mut seen = BTreeSet::new();
    file.signatures.iter().find_map(|signature| {
        let keyid = signature.keyid.as_str();
        if !known.contains_key(keyid) {
            return Some(format!("{keyid} has no part in {}", file.metadata.role()));
        }
        (!seen.insert(keyid)).then(|| format!("{keyid} signs twice"))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::lint::tests::{Ids, found, ids};
    use crate::pki::Algorithm;
    use crate::plan::Policy;
    use crate::token::Token;
    use crate::tuf::tests::{Repository, expiry, name};
    use crate::tuf::{Context, Key, Role, Signers, draft};

    const OLD: [&str; 3] = ["keyholder-1", "keyholder-2", "keyholder-3"];
    const NEW: [&str; 2] = ["keyholder-6", "keyholder-7"];

    /// The second root, by which other people sign, with the signatures of both.
    fn next() -> (Repository, File) {
        let mut repository = Repository::new();
        for holder in NEW {
            repository.token.generate(&name(holder), Algorithm::EcdsaP256).unwrap();
        }
        let mut signers = repository.signers();
        let keys = NEW.map(|holder| repository.key(holder)).to_vec();
        signers.insert(Role::Root, Signers { keys, threshold: 2 });
        let metadata: Metadata = Root::new(2, expiry(), &signers).into();
        let in_force = Some(repository.root.clone());
        let mut file = File { metadata, signatures: Vec::new(), in_force };
        file.signatures = OLD.into_iter().chain(NEW).map(|key| sign(&mut repository, &file, key)).collect();
        (repository, file)
    }

    fn sign(repository: &mut Repository, file: &File, key: &str) -> RoleSignature {
        let context = Context {
            metadata: file.metadata.clone(),
            key: repository.key(key),
            root: file.in_force.clone(),
            previous: file.in_force.clone().map(Into::into),
            now: crate::tuf::tests::now(),
        };
        let draft = draft(&name(key), &repository.public(key), context).unwrap();
        let linted = draft.lint(&Rules::default()).unwrap();
        let signature = repository.token.sign(&linted).unwrap();
        linted.attach(signature).unwrap().into_document()
    }

    fn findings(file: &File) -> Findings {
        lint("tuf-root", file, &Rules::default()).unwrap_or_else(|findings| findings)
    }

    pub(crate) fn accepted() -> Ids {
        let (_, file) = next();
        assert_eq!(findings(&file), Findings::default());
        ids(RULES, Policy::Sigstore)
    }

    pub(crate) fn rejected() -> Ids {
        let mut rejected = Ids::new();
        // Two of the three old ones that must sign; the new ones alone.
        for kept in [1..5, 3..5] {
            let (_, mut file) = next();
            file.signatures = file.signatures[kept].to_vec();
            let found_now = findings(&file);
            assert_eq!(found_now.0.len(), 1, "{found_now}");
            rejected.insert(found(&found_now, "TUF-SIGNED-BEFORE"));
        }
        // All of the old ones, and one of the new.
        let (_, mut file) = next();
        file.signatures.truncate(4);
        let found_now = findings(&file);
        assert_eq!(found_now.0.len(), 1, "{found_now}");
        rejected.insert(found(&found_now, "TUF-SIGNED-THRESHOLD"));
        // One key under two ids: for the old root, and for the new one.
        let (mut repository, mut file) = next();
        let again = Key::new(&repository.public("keyholder-1"), None).unwrap();
        let before = file.in_force.as_mut().unwrap();
        before.roles.get_mut(&Role::Root).unwrap().keyids.push(again.id());
        before.keys.insert(again.id(), again.clone());
        file.signatures.remove(2);
        file.signatures.push(RoleSignature { keyid: again.id(), ..file.signatures[0].clone() });
        rejected.insert(found(&findings(&file), "TUF-SIGNED-BEFORE"));
        let mut repository = Repository::new();
        let again = Key::new(&repository.public("keyholder-1"), None).unwrap();
        let mut root = repository.root.clone();
        root.roles.get_mut(&Role::Targets).unwrap().keyids.push(again.id());
        root.keys.insert(again.id(), again.clone());
        let metadata = repository.targets();
        let mut signatures = repository.sign(&metadata, &OLD[..2]);
        signatures.push(RoleSignature { keyid: again.id(), ..signatures[0].clone() });
        let file = File { metadata, signatures, in_force: Some(root) };
        rejected.insert(found(&findings(&file), "TUF-SIGNED-THRESHOLD"));
        let file = File { in_force: None, ..file };
        rejected.insert(found(&findings(&file), "TUF-SIGNED-THRESHOLD"));
        // A stranger, and somebody twice.
        let (mut repository, mut file) = next();
        file.signatures[0].keyid = repository.key("online").id();
        rejected.insert(found(&findings(&file), "TUF-SIGNED-KNOWN"));
        let (_, mut file) = next();
        file.signatures.push(file.signatures[0].clone());
        rejected.insert(found(&findings(&file), "TUF-SIGNED-KNOWN"));
        // A root that follows nothing.
        let (_, mut file) = next();
        file.in_force = None;
        rejected.insert(found(&findings(&file), "TUF-SIGNED-BEFORE"));
        rejected
    }

    #[test]
    fn every_rule_accepts_and_rejects() {
        assert_eq!(accepted(), rejected());
    }
}
