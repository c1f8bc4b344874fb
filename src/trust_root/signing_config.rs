//! The signing config: where clients sign, as of one day.

use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::{
    Service, ServiceConfiguration, ServiceSelector, SigningConfig,
};

use super::{SIGNING_CONFIG, range};
use crate::plan::{self, Day, Time, Url, Window};

/// The signing config as of `day`, the day of the ceremony: the services that are in use by then, the
/// newest first.
///
/// A service that begins later is left out, and waits for a later ceremony: sigstore-js signs with the
/// newest entry even before its window begins, and what it signs so verifies nowhere. One that ended
/// earlier is left out too. Of two that are in use, sigstore-python signs with the older one until its
/// window ends. Nothing but the plan decides, so that one plan makes the same bytes on every day.
///
/// `organization` names the operator where the plan does not.
pub fn signing_config(plan: &plan::TrustRoot, organization: &str, day: Day) -> SigningConfig {
    let operator = plan.operator.as_deref().unwrap_or(organization);
    let services = |entries: &mut dyn Iterator<Item = (&Url, u32, Window)>| services(entries, operator, day);
    let authorities = |entries: &[plan::trust_root::Authority]| {
        services(&mut entries.iter().map(|entry| (&entry.uri, 1, *entry.trust)))
    };
    let rekor_tlog_urls = services(
        &mut plan.transparency_logs.iter().map(|entry| (&*entry.url, u32::from(*entry.api), *entry.trust)),
    );
    let tsa_urls = authorities(&plan.timestamp_authorities);
    // One of them is enough, and sigstore-js takes no other selector. Without a service there is
    // nothing to select: clients would fail on it.
    let any = |services: &[Service]| {
        (!services.is_empty())
            .then(|| ServiceConfiguration { selector: ServiceSelector::Any.into(), count: 0 })
    };
    SigningConfig {
        media_type: SIGNING_CONFIG.into(),
        ca_urls: authorities(&plan.certificate_authorities),
        oidc_urls: services(&mut plan.identity_providers.iter().map(|entry| (&entry.url, 1, *entry.trust))),
        rekor_tlog_config: any(&rekor_tlog_urls),
        tsa_config: any(&tsa_urls),
        rekor_tlog_urls,
        tsa_urls,
    }
}

fn services(
    entries: &mut dyn Iterator<Item = (&Url, u32, Window)>,
    operator: &str,
    day: Day,
) -> Vec<Service> {
    let in_use = |window: &Window| {
        let ended = window.to.is_some_and(|end| end.day() < day);
        window.from.day() <= day && !ended
    };
    let mut found: Vec<(&Url, u32, Window)> = entries.filter(|(_, _, window)| in_use(window)).collect();
    found.sort_by_key(|(_, _, window)| window.from);
    let mut merged: Vec<(&Url, u32, Window)> = Vec::new();
    for (url, api, window) in found {
        // An authority that changed its certificate is one service still.
        let before = merged.iter_mut().find(|(known, version, earlier)| {
            *known == url && *version == api && joins(earlier, window.from)
        });
        match before {
            Some((_, _, earlier)) => earlier.to = later(earlier.to, window.to),
            None => merged.push((url, api, window)),
        }
    }
    merged.sort_by_key(|(_, _, window)| std::cmp::Reverse(window.from));
    merged
        .into_iter()
        .map(|(url, api, window)| Service {
            url: url.as_str().into(),
            major_api_version: api,
            valid_for: Some(range(&window)),
            operator: operator.into(),
        })
        .collect()
}

/// Whether a window that begins at `from` leaves no second between itself and `earlier`.
fn joins(earlier: &Window, from: Time) -> bool {
    earlier.to.is_none_or(|end| from.since(end) <= 1)
}

/// The later of two ends; none, an open end, is the latest.
fn later(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.zip(other).map(|(one, other)| one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::example;
    use crate::trust_root::{ClientFile, to_json};

    fn window(from: &str, to: Option<&str>) -> Window {
        Window { from: from.parse().unwrap(), to: to.map(|to| to.parse().unwrap()) }
    }

    fn of(entries: &[(&str, Window)], day: &str) -> Vec<String> {
        let urls: Vec<Url> = entries.iter().map(|(url, _)| Url::try_from(url.to_string()).unwrap()).collect();
        let mut entries = urls.iter().zip(entries).map(|(url, (_, window))| (url, 1, *window));
        let config = SigningConfig {
            ca_urls: services(&mut entries, "example.org", day.parse().unwrap()),
            ..SigningConfig::default()
        };
        let json: serde_json::Value = serde_json::from_slice(&to_json(&config)).unwrap();
        let show = |service: &serde_json::Value| {
            let end = service["validFor"]["end"].as_str().unwrap_or("");
            let start = service["validFor"]["start"].as_str().unwrap();
            format!("{} {}..{}", service["url"].as_str().unwrap(), &start[..10], end.get(..10).unwrap_or(""))
        };
        json["caUrls"].as_array().into_iter().flatten().map(show).collect()
    }

    #[test]
    fn newest_first_and_only_what_is_in_use_on_the_day() {
        let entries = [
            ("https://a.example", window("2026-01-01T00:00:00Z", Some("2026-06-01T00:00:00Z"))),
            ("https://b.example", window("2026-05-01T00:00:00Z", None)),
            ("https://c.example", window("2026-08-01T12:00:00Z", None)),
        ];
        assert_eq!(of(&entries, "2025-12-31"), Vec::<String>::new());
        assert_eq!(
            of(&entries, "2026-06-01"),
            ["https://b.example 2026-05-01..", "https://a.example 2026-01-01..2026-06-01"]
        );
        assert_eq!(
            of(&entries, "2026-08-01"),
            ["https://c.example 2026-08-01..", "https://b.example 2026-05-01.."]
        );
    }

    #[test]
    fn a_new_certificate_at_the_same_address_is_the_same_service() {
        let entry = |from, to| ("https://a.example", window(from, to));
        let overlapping = [
            entry("2026-05-01T00:00:00Z", None),
            entry("2026-01-01T00:00:00Z", Some("2026-06-01T00:00:00Z")),
        ];
        assert_eq!(of(&overlapping, "2026-05-15"), ["https://a.example 2026-01-01.."]);
        let apart = [
            entry("2026-01-01T00:00:00Z", Some("2026-06-01T00:00:00Z")),
            entry("2026-06-01T00:00:05Z", None),
        ];
        assert_eq!(of(&apart, "2026-06-01").len(), 2);
    }

    #[test]
    fn the_example() {
        let plan = example();
        let root = plan.trust_root.as_ref().unwrap();
        let config = signing_config(root, "Example Project", plan.ceremony.date);
        assert_eq!(SigningConfig::from_json(&to_json(&config)).unwrap(), config);
        insta::assert_snapshot!(String::from_utf8(to_json(&config)).unwrap(), @r#"
    {
      "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      "caUrls": [
        {
          "url": "https://fulcio.example.org",
          "majorApiVersion": 1,
          "validFor": {
            "start": "2026-12-01T00:00:00Z"
          },
          "operator": "example.org"
        }
      ],
      "oidcUrls": [
        {
          "url": "https://oauth2.example.org/auth",
          "majorApiVersion": 1,
          "validFor": {
            "start": "2026-12-01T00:00:00Z"
          },
          "operator": "example.org"
        }
      ],
      "rekorTlogUrls": [
        {
          "url": "https://rekor2026.example.org",
          "majorApiVersion": 2,
          "validFor": {
            "start": "2026-12-01T00:00:00Z"
          },
          "operator": "example.org"
        }
      ],
      "rekorTlogConfig": {
        "selector": "ANY"
      },
      "tsaUrls": [
        {
          "url": "https://tsa.example.org/api/v1/timestamp",
          "majorApiVersion": 1,
          "validFor": {
            "start": "2026-12-01T00:00:00Z"
          },
          "operator": "example.org"
        }
      ],
      "tsaConfig": {
        "selector": "ANY"
      }
    }
    "#);
    }
}
