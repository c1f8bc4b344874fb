//! Plans: a summary. The plan itself is short enough to be read whole.

use super::sheet::{Cell, Sheet, Table};
use crate::plan::trust_root::Authority;
use crate::plan::tuf::{KeyholderRole, OnlineRole};
use crate::plan::{At, Faults, Key, Name, Plan, Role, Source, TrustRoot, Tuf, Window};

/// All there is to see of a plan, at a glance.
pub fn show(source: &Source) -> Result<Sheet, Faults> {
    let plan = Plan::parse(source)?;
    let mut sheet = Sheet::default();
    sheet.text("ceremony", &**plan.ceremony.name);
    sheet.text("date", plan.ceremony.date.to_string());
    sheet.text("organization", &**plan.ceremony.organization);
    sheet.row(
        "policy",
        plan.ceremony.policy.as_ref().map_or_else(|| Cell::none("none"), |url| Cell::text(url.as_str())),
    );
    sheet.text("profile", plan.ceremony.profile.as_str());
    sheet.sha256("plan SHA-256", source.text.as_bytes());
    let mut counts = Sheet::default();
    for (label, count) in [
        ("people", plan.people.len()),
        ("keys", plan.keys.len()),
        ("keyholders", plan.keyholders().count()),
        ("devices", plan.devices().len()),
        ("certificates", plan.certificates.len()),
        ("CRLs", plan.crls.len()),
    ] {
        counts.row(label, Cell::count(count));
    }
    sheet.row("how many", Cell::Sheet(counts));
    sheet.row("people", people(&plan));
    sheet.row("devices", devices(&plan));
    sheet.row("keys elsewhere", elsewhere(&plan));
    sheet.row("certificates", certificates(&plan));
    sheet.row("CRLs", crls(&plan));
    if !plan.waivers.is_empty() {
        sheet.row("waivers", waivers(&plan));
    }
    if let Some(root) = &plan.trust_root {
        sheet.row("trust root", trust_root(root));
    }
    if let Some(tuf) = &plan.tuf {
        sheet.row("TUF roles", roles(tuf));
    }
    Ok(sheet)
}

fn waivers(plan: &Plan) -> Cell {
    let mut table = Table::new(&["rule", "object", "reason"]);
    for waiver in &plan.waivers {
        table.line(
            [&waiver.rule, &waiver.object, &waiver.reason].map(|text| Cell::text(text.as_str())).to_vec(),
        );
    }
    Cell::Table(table)
}

fn people(plan: &Plan) -> Cell {
    let mut table = Table::new(&["name", "role", "device"]);
    for (name, person) in &plan.people {
        let role = match *person.role {
            Role::Administrator => "administrator",
            Role::Operator => "operator",
            Role::Witness => "witness",
            Role::Keyholder => "keyholder",
        };
        let device = person.device.as_ref().map_or_else(|| Cell::none("-"), |name| Cell::text(name.as_str()));
        table.line(vec![Cell::text(name.as_str()), Cell::text(role), device]);
    }
    Cell::Table(table)
}

/// The keys that each device generates.
fn devices(plan: &Plan) -> Cell {
    let mut table = Table::new(&["device", "key", "algorithm"]);
    for device in plan.devices() {
        for (key, _, algorithm) in plan.device_keys().filter(|(_, at, _)| *at == device) {
            let cells = [device.as_str(), key.as_str(), algorithm.as_str()];
            table.line(cells.map(Cell::text).to_vec());
        }
    }
    Cell::Table(table)
}

fn elsewhere(plan: &Plan) -> Cell {
    let mut table = Table::new(&["key", "request or public key"]);
    for (name, key) in &plan.keys {
        if let Key::Csr { csr, .. } = key {
            table.line(vec![Cell::text(name.as_str()), Cell::text(csr.display().to_string())]);
        }
    }
    for (name, path, hash) in plan.public_keys() {
        let shown = format!("{}, SHA-256 {}", path.display(), **hash);
        table.line(vec![Cell::text(name.as_str()), Cell::text(shown)]);
    }
    Cell::Table(table)
}

fn certificates(plan: &Plan) -> Cell {
    let mut table = Table::new(&["certificate", "profile", "key", "issuer", "from", "to", "common name"]);
    for (name, certificate) in &plan.certificates {
        let issuer = certificate.issuer.as_ref().map_or("itself", |issuer| issuer.as_str());
        table.line(vec![
            Cell::text(name.as_str()),
            Cell::text(certificate.profile.as_str()),
            Cell::text(certificate.key.as_str()),
            Cell::text(issuer),
            Cell::text(certificate.validity.from.to_string()),
            Cell::text(certificate.validity.to.to_string()),
            Cell::text(&certificate.subject.common_name),
        ]);
    }
    Cell::Table(table)
}

fn crls(plan: &Plan) -> Cell {
    let mut table = Table::new(&["CRL", "issuer", "number", "revokes", "from", "to"]);
    for (name, crl) in &plan.crls {
        table.line(vec![
            Cell::text(name.as_str()),
            Cell::text(crl.issuer.as_str()),
            Cell::number(*crl.number),
            Cell::texts(
                crl.revoked
                    .iter()
                    .map(|revoked| revoked.certificate.to_string())
                    .chain(crl.revoked_from.iter().map(|from| format!("all in {}", from.file.display()))),
            ),
            Cell::text(crl.validity.from.to_string()),
            Cell::text(crl.validity.to.to_string()),
        ]);
    }
    Cell::Table(table)
}

fn trust_root(root: &TrustRoot) -> Cell {
    let mut table = Table::new(&["entry", "keys or chain", "address", "from", "to"]);
    let mut line = |kind: &str, of: Cell, address: &str, window: &Window| {
        let to = window.to.map_or_else(|| Cell::none("no end"), |to| Cell::text(to.to_string()));
        table.line(vec![Cell::text(kind), of, Cell::text(address), Cell::text(window.from.to_string()), to]);
    };
    let mut authorities = |kind: &str, entries: &[Authority]| {
        for entry in entries {
            line(kind, names(&entry.chain), entry.uri.as_str(), &entry.trust);
        }
    };
    authorities("certificate authority", &root.certificate_authorities);
    authorities("timestamp authority", &root.timestamp_authorities);
    for log in &root.transparency_logs {
        let kind = format!("Rekor v{}", u32::from(*log.api));
        line(&kind, Cell::text(log.key.as_str()), log.url.as_str(), &log.trust);
    }
    for log in &root.certificate_logs {
        line("certificate log", Cell::text(log.key.as_str()), log.url.as_str(), &log.trust);
    }
    for provider in &root.identity_providers {
        line("identity provider", Cell::none("-"), provider.url.as_str(), &provider.trust);
    }
    Cell::Table(table)
}

fn roles(tuf: &Tuf) -> Cell {
    let mut table = Table::new(&["role", "threshold", "expires", "signers"]);
    let people = |role: &KeyholderRole| (*role.threshold, *role.expires, names(&role.keyholders));
    let online = |role: &OnlineRole| (1, *role.expires, Cell::texts([role.key.as_str()]));
    for (name, (threshold, expires, signers)) in [
        ("root", people(&tuf.root)),
        ("targets", people(&tuf.targets)),
        ("snapshot", online(&tuf.snapshot)),
        ("timestamp", online(&tuf.timestamp)),
    ] {
        let expires = Cell::text(expires.to_string());
        table.line(vec![Cell::text(name), Cell::number(threshold), expires, signers]);
    }
    Cell::Table(table)
}

fn names(names: &[At<Name>]) -> Cell {
    Cell::texts(names.iter().map(|name| name.as_str()))
}
