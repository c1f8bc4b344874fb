//! Every validity and every window of trust on one line of time, with today on it.

use maud::{Markup, html};

use super::facts::Facts;
use crate::evidence::page::day;
use crate::plan::{Plan, Time};

/// A stretch of time with a name.
struct Span {
    name: String,
    from: Time,
    to: Option<Time>,
}

/// Spans of one kind.
struct Group {
    kind: &'static str,
    class: &'static str,
    spans: Vec<Span>,
}

/// Seconds of a year of 365.25 days, for the axis.
const YEAR: i64 = 31_557_600;

pub(super) fn timeline(facts: &Facts<'_>) -> Markup {
    let Some(plan) = facts.plan else { return html! {} };
    let groups = groups(facts, plan);
    let all = || groups.iter().flat_map(|group| &group.spans);
    let Some(first) = all().map(|span| span.from).min() else { return html! {} };
    let last = all().filter_map(|span| span.to).max().unwrap_or(first);
    let scale = Scale { from: first.unix() - YEAR / 4, to: last.unix().max(facts.at().unix()) + YEAR / 2 };
    html! {
        section {
            h2 { "Validity and trust, over time" }
            p { "Bars: from when to when a certificate is valid, a list is current, and clients trust an entry. No end: trusted until a later ceremony says otherwise. The line is " (day(facts.at())) "." }
            div.timeline {
                (axis(&scale, facts.at()))
                @for group in groups.iter().filter(|group| !group.spans.is_empty()) {
                    h3 { (group.kind) }
                    @for span in &group.spans { (row(&scale, group.class, span, facts.at())) }
                }
            }
        }
    }
}

/// Where a moment stands between the two ends.
struct Scale {
    from: i64,
    to: i64,
}

impl Scale {
    /// In hundredths of a percent.
    fn at(&self, seconds: i64) -> i64 {
        let length = i128::from((self.to - self.from).max(1));
        let part = i128::from(seconds - self.from) * 10_000 / length;
        i64::try_from(part.clamp(0, 10_000)).unwrap_or(0)
    }

    fn percent(&self, seconds: i64) -> String {
        let hundredths = self.at(seconds);
        format!("{}.{:02}%", hundredths / 100, hundredths % 100)
    }
}

fn groups(facts: &Facts<'_>, plan: &Plan) -> Vec<Group> {
    let certificates =
        plan.certificates.iter().filter(|(name, _)| facts.state.certificates.contains_key(*name));
    let certificates = certificates.map(|(name, planned)| Span {
        name: name.to_string(),
        from: planned.validity.from,
        to: Some(planned.validity.to),
    });
    let crls = plan.crls.iter().filter(|(name, _)| facts.state.crls.contains_key(*name));
    let crls = crls.map(|(name, planned)| Span {
        name: name.to_string(),
        from: planned.validity.from,
        to: Some(planned.validity.to),
    });
    let mut trust = Vec::new();
    if let Some(root) = &plan.trust_root {
        for entry in root.certificate_authorities.iter().chain(&root.timestamp_authorities) {
            let name = entry.chain.first().map(|name| name.to_string()).unwrap_or_default();
            trust.push(Span { name, from: entry.trust.from, to: entry.trust.to });
        }
        for log in &root.transparency_logs {
            trust.push(Span { name: log.key.to_string(), from: log.trust.from, to: log.trust.to });
        }
        for log in &root.certificate_logs {
            trust.push(Span { name: log.key.to_string(), from: log.trust.from, to: log.trust.to });
        }
    }
    let begin = plan.ceremony.date.start();
    let roles = plan.tuf.iter().flat_map(|tuf| {
        [
            ("root", *tuf.root.expires),
            ("targets", *tuf.targets.expires),
            ("snapshot", *tuf.snapshot.expires),
            ("timestamp", *tuf.timestamp.expires),
        ]
    });
    let roles = roles.filter_map(|(role, to)| Some(Span { name: role.into(), from: begin?, to: Some(to) }));
    vec![
        Group { kind: "Certificates are valid", class: "validity", spans: certificates.collect() },
        Group { kind: "Clients trust", class: "trust", spans: trust },
        Group { kind: "Lists of revoked certificates are current", class: "crl", spans: crls.collect() },
        Group { kind: "TUF roles, as signed last", class: "tuf", spans: roles.collect() },
    ]
}

/// The years, no closer than there is room for.
fn axis(scale: &Scale, now: Time) -> Markup {
    let years: Vec<(i64, i64)> = (1950..=9999)
        .filter_map(|year| {
            format!("{year}-01-01T00:00:00Z").parse::<Time>().ok().map(|time| (year, time.unix()))
        })
        .skip_while(|(_, start)| *start < scale.from)
        .take_while(|(_, start)| *start < scale.to)
        .collect();
    let every = (years.len() / 9 + 1).max(1);
    html! {
        div.row.axis {
            span {}
            svg.strip role="img" aria-label="Years" {
                @for (year, start) in years.iter().step_by(every) {
                    line.tick x1=(scale.percent(*start)) x2=(scale.percent(*start)) y1="11" y2="16" {}
                    text x=(scale.percent(*start)) y="9" text-anchor="middle" { (year) }
                }
                line.now x1=(scale.percent(now.unix())) x2=(scale.percent(now.unix())) y1="0" y2="16" {}
            }
            span.dates {}
        }
    }
}

fn row(scale: &Scale, class: &str, span: &Span, now: Time) -> Markup {
    let (from, end) = (scale.at(span.from.unix()), span.to.map_or(10_000, |to| scale.at(to.unix())));
    let width = (end - from).max(30);
    let past = span.to.is_some_and(|to| to < now);
    let words = format!(
        "{}: from {}{}",
        span.name,
        span.from.day(),
        span.to.map(|to| format!(" to {}", to.day())).unwrap_or_default()
    );
    html! {
        div.row {
            span.name { (span.name) }
            svg.strip role="img" aria-label=(words) {
                rect class={ "bar " (class) @if past { " past" } @if span.to.is_none() { " open" } } x=(scale.percent(span.from.unix()))
                    width={ (width / 100) "." (format!("{:02}", width % 100)) "%" } y="4" height="8" {}
                line.now x1=(scale.percent(now.unix())) x2=(scale.percent(now.unix())) y1="0" y2="16" {}
            }
            span.dates { (day(span.from)) @match span.to { Some(to) => { " – " (day(to)) }, None => " –" } }
        }
    }
}
