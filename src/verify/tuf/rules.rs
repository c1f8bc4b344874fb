//! The rules for TUF metadata, which judged it before each signature, over every version that was
//! published: each with what came before it, and as of the moment when it was made.

use serde_json::Value;

use crate::archive::{Event, Record, Role};
use crate::lint::Lintable;
use crate::lint::tuf::signed;
use crate::pki::Draft;
use crate::plan::{Name, Time};
use crate::tuf::{Context, Envelope, Metadata, RoleSignature, Root};
use crate::verify::canonical::olpc;
use crate::verify::claims::Claims;
use crate::verify::report::{Area, Sheet};
use crate::verify::rules::{plan, report};

/// Runs them over what the journal says was published, under the archive's last plan.
pub fn check(records: &[Record], claims: &Claims<'_>, sheet: &mut Sheet) {
    // Why the plan's own rules can't be known is said already.
    let rules = plan(claims).map(|(_, rules)| rules).unwrap_or_default();
    let mut published: Vec<Metadata> = Vec::new();
    for record in records {
        let Event::MetadataPublished { role, version, content, .. } = &record.event else { continue };
        let mut entry = sheet.on(Area::Rules, place(*role, *version));
        match draft(content, &published, record.time) {
            Ok((draft, signatures)) => {
                let mut findings = RoleSignature::lint(&draft, &rules);
                let Context { metadata, root: in_force, .. } = draft.context;
                let file = signed::File { metadata, signatures, in_force };
                findings.merge(&signed::lint(&draft.object, &file, &rules).unwrap_or_else(|found| found));
                report(findings, &mut entry);
                published.push(file.metadata);
            }
            Err(reason) => entry.failed(format!("the rules can't be run: {reason}")),
        }
    }
}

fn place(role: Role, version: u64) -> String {
    match role {
        Role::Timestamp => format!("tuf/timestamp.json, version {version}"),
        _ => format!("tuf/{version}.{role}.json"),
    }
}

/// A draft, and the signatures that were made over it.
type Read = (Draft<RoleSignature>, Vec<RoleSignature>);

/// Metadata, as its first signer had it before it was signed.
fn draft(content: &str, published: &[Metadata], now: Time) -> Result<Read, String> {
    let Envelope { signed: metadata, signatures } =
        Envelope::parse(content.as_bytes()).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(content).map_err(|error| error.to_string())?;
    let newest = |role: Role| published.iter().rev().find(|found| found.role() == role);
    let root: Option<Root> = match newest(Role::Root) {
        Some(Metadata::Root(root)) => Some(root.clone()),
        _ => None,
    };
    let own = match &metadata {
        Metadata::Root(root) => Some(root),
        _ => None,
    };
    // Of root metadata the new root's own key: the one before may list it no more.
    let listed = own.or(root.as_ref()).ok_or("there is no root in force")?;
    let signers: Vec<_> = listed.signers(metadata.role()).collect();
    let mut made = signatures.iter().filter(|signature| !signature.sig.is_empty());
    let signed = made.find_map(|signature| signers.iter().find(|(id, _)| *id == signature.keyid));
    let (_, key) = signed.ok_or("no key of the role has signed it")?;
    let name: Name = "signer".parse()?;
    let draft = Draft {
        object: format!("tuf-{}", metadata.role()),
        bytes: olpc(value.get("signed").unwrap_or(&Value::Null))?,
        key: name,
        public: key.public().map_err(|error| error.to_string())?,
        context: Context {
            key: (*key).clone(),
            previous: newest(metadata.role()).cloned(),
            root,
            now,
            metadata,
        },
    };
    Ok((draft, signatures))
}
