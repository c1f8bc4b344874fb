//! Rules for the signing config, in the light of the trusted root that goes with it.

use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::{Service, ServiceSelector};

use super::case::{CERTIFICATE_AUTHORITIES, Case, Span, TIMESTAMP_AUTHORITIES, TLOGS};

use crate::lint::rules;
use crate::plan::Time;
use crate::trust_root::SIGNING_CONFIG;

rules! {
    "Every rule for the signing config.", RULES, Case;
    media_type, "SIGNING-MEDIA-TYPE", Structural, "The media type is that of version 0.2.", "sigstore-python, sigstore-go";
    urls, "SIGNING-URL", Error, "A service has an http(s) address, without query or slash at its end.", "protobuf-specs, Service";
    timestamp_url, "SIGNING-TSA-URL", Warning, "A timestamp authority's address is whole, with its path.", "protobuf-specs, SigningConfig; RFC 3161, 3.4";
    operator, "SIGNING-OPERATOR", Error, "Every service names its operator, without a scheme.", "protobuf-specs, Service";
    operator_name, "SIGNING-OPERATOR-URI", Warning, "An operator is a URI without its scheme, such as example.org.", "protobuf-specs, Service";
    api, "SIGNING-API", Error, "API versions are 1, or 2 for Rekor.", "stock clients know no others";
    window, "SIGNING-WINDOW", Structural, "Every service has a window with a start, and an end not before it.", "protobuf-specs, TimeRange";
    sorted, "SIGNING-SORTED", Error, "Services are sorted by the start of their windows, the newest first.", "protobuf-specs, SigningConfig";
    begun, "SIGNING-BEGUN", Warning, "No service begins later than the ceremony's day.", "sigstore-js signs with the newest, even before its start";
    selector, "SIGNING-SELECTOR", Error, "Rekor logs and timestamp authorities are selected by ANY, where there are some.", "sigstore-js takes no other";
    in_root, "SIGNING-IN-ROOT", Structural, "What signs is in the trusted root: CA, Rekor log and timestamp authority.", "what is signed there could not be verified";
    complete, "SIGNING-COMPLETE", Warning, "A CA and a Rekor log are in use now.", "sigstore-python refuses a signing config without";
    time_source, "SIGNING-TIME", Error, "Where there is a Rekor v2 log, there is a timestamp authority: the log gives no time.", "every client refuses a Rekor v2 entry without a timestamp";
}

/// The lists of services, by their names in the file.
fn lists(case: &Case) -> [(&'static str, &[Service]); 4] {
    [
        ("caUrls", &case.config.ca_urls),
        ("oidcUrls", &case.config.oidc_urls),
        ("rekorTlogUrls", &case.config.rekor_tlog_urls),
        ("tsaUrls", &case.config.tsa_urls),
    ]
}

fn each(case: &Case, check: impl Fn(&str, &Service) -> Option<String>) -> Option<String> {
    lists(case).into_iter().find_map(|(list, services)| {
        services.iter().enumerate().find_map(|(n, service)| {
            check(list, service).map(|found| format!("{list}[{n}], {}: {found}", service.url))
        })
    })
}

fn span(service: &Service) -> Option<Span> {
    Span::of(service.valid_for.as_ref())
}

/// What stands behind the scheme of an address.
fn rest(url: &str) -> Option<&str> {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))
}

fn media_type(case: &Case) -> Option<String> {
    (case.config.media_type != SIGNING_CONFIG)
        .then(|| format!("the media type is `{}`", case.config.media_type))
}

fn urls(case: &Case) -> Option<String> {
    each(case, |_, service| {
        let fine = rest(&service.url)
            .is_some_and(|rest| !rest.is_empty() && !rest.ends_with('/') && !rest.contains(['?', '#', ' ']));
        (!fine).then(|| "the address".into())
    })
}

fn timestamp_url(case: &Case) -> Option<String> {
    each(case, |list, service| {
        let bare = rest(&service.url).is_some_and(|rest| !rest.contains('/'));
        (list == "tsaUrls" && bare).then(|| "there is no path".into())
    })
}

fn operator(case: &Case) -> Option<String> {
    each(case, |_, service| {
        (service.operator.is_empty() || service.operator.contains("://"))
            .then(|| format!("the operator is `{}`", service.operator))
    })
}

fn operator_name(case: &Case) -> Option<String> {
    each(case, |_, service| {
        service
            .operator
            .contains(|c: char| !c.is_ascii_graphic())
            .then(|| format!("the operator is `{}`", service.operator))
    })
}

fn api(case: &Case) -> Option<String> {
    each(case, |list, service| {
        let most = if list == "rekorTlogUrls" { 2 } else { 1 };
        (!(1..=most).contains(&service.major_api_version))
            .then(|| format!("the API version is {}", service.major_api_version))
    })
}

fn window(case: &Case) -> Option<String> {
    each(case, |_, service| match span(service) {
        None => Some("the window has no start".into()),
        Some(window) if window.end.is_some_and(|end| end < window.start) => Some(window.to_string()),
        Some(_) => None,
    })
}

fn sorted(case: &Case) -> Option<String> {
    let starts = |services: &[Service]| {
        services.iter().filter_map(span).map(|window| window.start).collect::<Vec<_>>()
    };
    let (list, _) = lists(case)
        .into_iter()
        .find(|(_, services)| !starts(services).is_sorted_by(|newer, older| newer >= older))?;
    Some(format!("{list} is not sorted"))
}

fn begun(case: &Case) -> Option<String> {
    each(case, |_, service| {
        let start = Time::from_unix(span(service)?.start)?;
        (start.day() > case.now.day()).then(|| format!("it begins at {start}, and now is {}", case.now))
    })
}

fn selector(case: &Case) -> Option<String> {
    let config = &case.config;
    let any = i32::from(ServiceSelector::Any);
    for (name, services, selection) in [
        ("rekorTlogConfig", &config.rekor_tlog_urls, config.rekor_tlog_config),
        ("tsaConfig", &config.tsa_urls, config.tsa_config),
    ] {
        let fine = match selection {
            Some(selection) => !services.is_empty() && selection.selector == any,
            None => services.is_empty(),
        };
        if !fine {
            let found = selection.and_then(|found| ServiceSelector::try_from(found.selector).ok());
            let found = found.map_or("none", |found| found.as_str_name());
            return Some(format!("{name} selects {found} of {} services", services.len()));
        }
    }
    None
}

fn in_root(case: &Case) -> Option<String> {
    let authority = |kind: &str, url: &str| {
        case.authorities.iter().any(|entry| entry.kind == kind && entry.entry.uri == url)
    };
    let log = |url: &str| case.logs.iter().any(|log| log.kind == TLOGS && log.entry.base_url == url);
    each(case, |list, service| {
        let known = match list {
            "caUrls" => authority(CERTIFICATE_AUTHORITIES, &service.url),
            "tsaUrls" => authority(TIMESTAMP_AUTHORITIES, &service.url),
            "rekorTlogUrls" => log(&service.url),
            _ => true,
        };
        (!known).then(|| "the trusted root does not have it".into())
    })
}

fn complete(case: &Case) -> Option<String> {
    let now = case.now.unix();
    let (list, _) = lists(case).into_iter().find(|(list, services)| {
        let needed = matches!(*list, "caUrls" | "rekorTlogUrls");
        needed && !services.iter().filter_map(span).any(|window| window.contains(now))
    })?;
    Some(format!("{list} has no service that is in use at {}", case.now))
}

fn time_source(case: &Case) -> Option<String> {
    let log = case.config.rekor_tlog_urls.iter().find(|service| service.major_api_version == 2)?;
    case.config.tsa_urls.is_empty().then(|| format!("there is no timestamp authority for {}", log.url))
}
