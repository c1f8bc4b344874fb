//! The signing config: every address in it is one of the plan's, and all that are in use are in it.

use serde_json::Value;

use super::claims::TrustRoot;
use super::files::Files;
use super::report::{Area, Entry, Sheet};
use super::trust_root::{parse, planned, window};
use crate::plan::{Time, Window};

/// Where the signing config stands in an archive.
pub const SIGNING_CONFIG: &str = "trust-root/signing_config.v0.2.json";

/// The media type that stock clients take.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// A kind of service: its list in the file, its list in the plan, and the field with its address.
const SERVICES: [(&str, &str, &str); 4] = [
    ("caUrls", "certificate-authorities", "uri"),
    ("oidcUrls", "identity-providers", "url"),
    ("rekorTlogUrls", "transparency-logs", "url"),
    ("tsaUrls", "timestamp-authorities", "uri"),
];

/// A service of the plan.
struct Planned<'v> {
    url: &'v str,
    api: u64,
    window: Window,
}

/// Checks the signing config.
pub fn check(made: TrustRoot<'_>, files: &Files, (at, operator): (Time, Option<&str>), sheet: &mut Sheet) {
    let mut entry = sheet.on(Area::TrustRoot, SIGNING_CONFIG);
    let found = match parse(files, SIGNING_CONFIG) {
        Ok(found) => found,
        Err(reason) => return entry.failed(reason),
    };
    let media_type = found.get("mediaType").and_then(Value::as_str);
    if media_type == Some(MEDIA_TYPE) {
        entry.ok(format!("media type {MEDIA_TYPE}"));
    } else {
        entry.failed(format!("media type {media_type:?}, expected {MEDIA_TYPE}"));
    }
    let known = ["mediaType", "rekorTlogConfig", "tsaConfig"];
    let known = known.into_iter().chain(SERVICES.map(|(list, _, _)| list)).collect::<Vec<_>>();
    let mut fields = found.as_object().into_iter().flat_map(|object| object.keys());
    if let Some(strange) = fields.find(|field| !known.contains(&field.as_str())) {
        entry.failed(format!("the field `{strange}`, which clients refuse"));
    }
    entries(&found, made.spec, operator.unwrap_or_default(), &mut entry);
    for (list, plan, field) in SERVICES {
        let services = services(made.spec, plan, field);
        left_out((list, listed(&found, list)), &services, made.time, at, &mut entry);
    }
}

/// Every service of a signing config against those of a plan, run by the operator.
pub fn entries(found: &Value, spec: &Value, operator: &str, entry: &mut Entry<'_>) {
    for (list, plan, field) in SERVICES {
        entry.judge(addresses(list, listed(found, list), &services(spec, plan, field), operator));
    }
}

fn listed<'v>(found: &'v Value, list: &str) -> &'v [Value] {
    found.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn services<'v>(spec: &'v Value, list: &str, field: &str) -> Vec<Planned<'v>> {
    let service = |entry: &'v Value| {
        Some(Planned {
            url: entry.get(field)?.as_str()?,
            api: entry.get("api").and_then(Value::as_u64).unwrap_or(1),
            window: window(entry)?,
        })
    };
    planned(spec, list).iter().filter_map(service).collect()
}

/// Every service that is listed is one of the plan's, the newest first.
fn addresses(
    list: &str,
    listed: &[Value],
    services: &[Planned<'_>],
    operator: &str,
) -> Result<String, String> {
    let mut before: Option<Time> = None;
    for service in listed {
        let url = service.get("url").and_then(Value::as_str).unwrap_or_default();
        let api = service.get("majorApiVersion").and_then(Value::as_u64).unwrap_or_default();
        let mut alike = services.iter().filter(|planned| planned.url == url && planned.api == api);
        if alike.clone().next().is_none() {
            return Err(format!("{list}: {url} with version {api} is not in the plan"));
        }
        let time = |field| {
            let text = service.get("validFor").and_then(|window| window.get(field)).and_then(Value::as_str);
            text.map(str::parse::<Time>).transpose()
        };
        let (start, end) = (time("start")?, time("end")?);
        let start = start.ok_or_else(|| format!("{list}: {url} has no start"))?;
        // Entries of one address that follow each other are one service, so its ends may be of two.
        let begins = alike.clone().any(|planned| planned.window.from == start);
        if !begins || !alike.any(|planned| planned.window.to == end) {
            return Err(format!("{list}: the window of {url} is not the plan's"));
        }
        if before.is_some_and(|before| before < start) {
            return Err(format!("{list}: {url} is newer than the one before it; the newest comes first"));
        }
        before = Some(start);
        let found = service.get("operator").and_then(Value::as_str).unwrap_or_default();
        if found != operator {
            return Err(format!("{list}: the operator of {url} is `{found}`, expected `{operator}`"));
        }
    }
    Ok(format!("{list}: {}, all of them the plan's, the newest first", listed.len()))
}

/// Services that were in use when the config was made, and are not in it.
fn left_out(
    (list, listed): (&str, &[Value]),
    services: &[Planned<'_>],
    made: Time,
    at: Time,
    entry: &mut Entry<'_>,
) {
    for service in services {
        let open =
            |time: Time| service.window.from <= time && service.window.to.is_none_or(|end| end >= time);
        let there = listed
            .iter()
            .any(|found| found.get("url").and_then(Value::as_str).is_some_and(|url| url == service.url));
        if !there && open(made) && open(at) {
            entry.warning(format!("{list}: {} is in use, and is not in it", service.url));
        }
    }
}
