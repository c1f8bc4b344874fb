//! The journal: a line for each event.

use data_encoding::BASE64;

use super::plain::ends;
use super::sheet::{Cell, Sheet, Table};
use crate::archive::event::Moment;
use crate::archive::journal::{Journal, Record};
use crate::archive::{Confirmation, Event, FileRecord};
use crate::pki::sha256_hex;
use crate::plan::Name;
use crate::site::Purpose;

/// All there is to see of a journal. Of a damaged one, the lines before the damage.
pub fn show(bytes: &[u8]) -> Sheet {
    let mut sheet = Sheet::default();
    let journal = match Journal::parse(bytes) {
        Ok(journal) => journal,
        Err(damage) => {
            sheet.find(format!("damaged: {damage}"));
            sheet.warn("only the lines before the damage are shown");
            Journal::parse(before(bytes, damage.line)).unwrap_or_default()
        }
    };
    if !journal.torn.is_empty() {
        sheet.find(format!(
            "the last line is cut off: {} bytes after line {} are no whole line; `rootwright run` keeps them aside and goes on",
            journal.torn.len(),
            journal.records.len()
        ));
    }
    sheet.row("lines", Cell::count(journal.records.len()));
    let head = journal.head.as_deref().map_or_else(|| Cell::none("none"), Cell::hex);
    let whole = !sheet.has_findings();
    sheet.row(if whole { "head hash" } else { "hash of the last line shown" }, head);
    let mut table = Table::new(&["line", "time", "event", "step", "detail"]);
    for record in &journal.records {
        table.line(line(record));
    }
    sheet.row("events", Cell::Table(table));
    sheet
}

/// The bytes before a line, which counts from 1.
fn before(bytes: &[u8], line: u64) -> &[u8] {
    let lines = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let end = ends.take(lines).last().unwrap_or(0);
    bytes.get(..end).unwrap_or_default()
}

fn line(record: &Record) -> Vec<Cell> {
    vec![
        Cell::number(record.seq),
        Cell::text(record.time.to_string()),
        Cell::text(record.event.name()),
        record.event.step().map_or_else(|| Cell::none("-"), Cell::text),
        Cell::text(detail(&record.event, &record.files)),
    ]
}

pub(in crate::evidence) fn detail(event: &Event, files: &[FileRecord]) -> String {
    match event {
        Event::CeremonyStarted { name, plan, purpose, date_shift, tool, .. } => {
            let purpose = match purpose {
                Purpose::Rehearsal => "rehearsal",
                Purpose::Production => "production",
            };
            let moved = match date_shift {
                0 => String::new(),
                days => format!(", dates moved by {days} days"),
            };
            format!("{name}: {purpose}{moved}, plan {}, rootwright {tool}", ends(plan))
        }
        Event::MachineChecked { findings } if findings.is_empty() => "nothing was found".into(),
        Event::MachineChecked { findings } => {
            let each = findings.iter().map(|finding| match &finding.waived {
                Some(reason) => format!("{} [{}], waived: {reason}", finding.found, finding.id),
                None => format!("{} [{}]", finding.found, finding.id),
            });
            each.collect::<Vec<_>>().join("; ")
        }
        Event::ClockRead { wall, skew, by } => {
            format!("{wall} on the wall, the machine {skew} s ahead{}", read_by(by.as_ref()))
        }
        Event::Confirmed { what, of, by, .. } => {
            let of = if of.len() == 64 { ends(of) } else { of.clone() };
            let what = match what {
                Confirmation::Begin => "to begin, plan",
                Confirmation::Generate => "to generate on",
                Confirmation::Sign => "to sign, SHA-256",
                Confirmation::ReadBack => "read back, SHA-256",
            };
            format!("{what} {of}{}", read_by(by.as_ref()))
        }
        Event::DeviationRecorded { expected, happened, decided, by } => {
            format!("expected: {expected}; happened: {happened}; decided: {decided}, by {by}")
        }
        Event::RefusalRecorded { person, of, reason } => {
            format!("{person} does not sign off {of}: {reason}")
        }
        Event::DeviceOpened { device, claims } => {
            format!("{device}: {} {}, serial {}", claims.manufacturer, claims.model, claims.serial)
        }
        Event::KeyIntended { key, device, algorithm, .. } => format!("{key}: {algorithm} on {device}"),
        Event::KeyMade { key, adopted, .. } => {
            let place =
                key.device.as_ref().map_or_else(|| "elsewhere".into(), |device| format!("on {device}"));
            let adopted = if *adopted { ", found there after an interruption" } else { "" };
            format!(
                "{}: {} {place}, key SHA-256 {}{adopted}",
                key.name,
                key.algorithm,
                ends(&key.fingerprint)
            )
        }
        Event::CopyIntended { key, from, to, .. } => format!("{key}: from {from} to {to}, wrapped"),
        Event::CopyMade { adopted, copy, .. } => {
            let adopted = if *adopted { ", found there after an interruption" } else { "" };
            let (key, device, proof) = (&copy.name, &copy.device, &copy.proof);
            format!("{key}: on {device}, proved by signing {proof} once more{adopted}")
        }
        Event::SignatureIntended { object, key, to_be_signed, .. } => {
            let hash = to_be_signed.sha256().map_or_else(|| "not base64".into(), |hash| ends(&hash));
            format!("{object} with {key}, SHA-256 {hash}")
        }
        Event::CertificateSigned { certificate, issuer, der, .. } => {
            format!("{certificate} by {}, {}", named(issuer.as_ref()), hashed(der))
        }
        Event::CsrSigned { csr, der, .. } => format!("{csr}, {}", hashed(der)),
        Event::CrlSigned { crl, issuer, number, revoked, sha256, .. } => {
            format!("{crl}: number {number} by {issuer}, {revoked} revoked, SHA-256 {}", ends(sha256))
        }
        Event::TargetTaken { target, content, .. } => format!("{target}, {}", hashed(content)),
        Event::MetadataSigned { role, version, key, .. } => format!("{role} {version} by {key}"),
        Event::MetadataPublished { role, version, content, .. } => {
            format!("{role} {version}, SHA-256 {}", ends(&sha256_hex(content.as_bytes())))
        }
        Event::CanaryStarted { canary, identity, issuer, at, authority, .. } => {
            format!("{canary}: {identity}, vouched for by {issuer}, at {at}, issued by {authority}")
        }
        Event::CanarySigned { key, signed, .. } => format!("with {key}, SHA-256 {}", ends(signed)),
        Event::CanaryFinished { canary, identity, bundle, .. } => {
            format!("{canary}: {identity}, bundle SHA-256 {}", ends(&sha256_hex(bundle.as_bytes())))
        }
        Event::ToolIdentified { version, sha256, build, .. } => {
            let hash = sha256.as_deref().map_or_else(|| "not shown".into(), ends);
            format!("rootwright {version}, {build}, SHA-256 {hash}")
        }
        Event::MachineDescribed { facts } => {
            facts.iter().map(|(what, found)| format!("{what}: {found}")).collect::<Vec<_>>().join("; ")
        }
        Event::DeviceInventoried { device, when, objects, random, .. } => {
            let when = match when {
                Moment::Before => "before its first step",
                Moment::After => "after its last step",
            };
            let random = random.as_ref().map(|random| format!("; random source: {random}"));
            format!("{device}, {when}: {} objects{}", objects.len(), random.unwrap_or_default())
        }
        Event::DeviceProbed { device, tried, .. } => {
            let tried: Vec<String> = tried.iter().map(|(what, came)| format!("{what}: {came}")).collect();
            format!("{device}: {}", tried.join("; "))
        }
        Event::OperationsCounted { keys } => {
            let keys = keys.iter().map(|(key, uses)| format!("{key}: {} of {}", uses.made, uses.planned));
            keys.collect::<Vec<_>>().join(", ")
        }
        Event::ObservationRecorded { what, said } => {
            let said: Vec<String> =
                said.iter().map(|(question, answer)| format!("{question} {answer}")).collect();
            format!("{}: {}", what.as_str(), said.join("; "))
        }
        Event::ProofRecorded { of, person, host, .. } => match person {
            Some(person) => format!("{host} has the signature of {person}: {of}"),
            None => format!("{host} has {of}"),
        },
        Event::ApprovalRecorded { plan, person, .. } => format!("{person}, plan {}", ends(plan)),
        Event::SealStarted { seal, statement, .. } => {
            format!("seal {seal}, statement SHA-256 {}", ends(&sha256_hex(statement.as_bytes())))
        }
        Event::SealSigned { seal, person, objection, .. } => {
            let word = if objection.is_some() { "objects to" } else { "signs" };
            format!("{person} {word} seal {seal}")
        }
        Event::CeremonyFinished { plan } => format!("plan {}", ends(plan)),
        Event::JournalTorn { rest } => {
            let bytes = BASE64.decode(rest.as_bytes()).map_or(0, |rest| rest.len());
            format!("a line was cut off after {bytes} bytes")
        }
        // What is said best by the files that it made.
        _ => files
            .iter()
            .map(|file| format!("{} {}", file.path, ends(&file.sha256)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// `, by NAME`, where it is known.
fn read_by(by: Option<&Name>) -> String {
    by.map(|by| format!(", by {by}")).unwrap_or_default()
}

fn named(issuer: Option<&Name>) -> &str {
    issuer.map_or("itself", Name::as_str)
}

fn hashed(base64: &str) -> String {
    match BASE64.decode(base64.as_bytes()) {
        Ok(bytes) => format!("SHA-256 {}", ends(&sha256_hex(&bytes))),
        Err(_) => "not base64".into(),
    }
}
