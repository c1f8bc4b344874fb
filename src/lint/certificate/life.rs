//! Rules for validity.

use der::Tagged;
use x509_cert::time::Time;

use super::Case;
use crate::pki::certificate::time;

fn seconds(time: &Time) -> u64 {
    time.to_unix_duration().as_secs()
}

pub(super) fn encoding(case: &Case) -> Option<String> {
    let validity = case.tbs.validity();
    for (what, moment) in [("notBefore", &validity.not_before), ("notAfter", &validity.not_after)] {
        let early = moment.to_date_time().year() < 2050;
        if matches!(moment, Time::UtcTime(_)) != early {
            return Some(format!("{what} {moment} is written as {}", moment.tag()));
        }
    }
    None
}

pub(super) fn order(case: &Case) -> Option<String> {
    let found = case.tbs.validity();
    (seconds(&found.not_after) <= seconds(&found.not_before))
        .then(|| format!("valid from {} to {}", found.not_before, found.not_after))
}

pub(super) fn planned(case: &Case) -> Option<String> {
    let planned = case.context.validity;
    let found = case.tbs.validity();
    let same = |moment: &Time, planned| time(planned).is_ok_and(|planned| planned == *moment);
    if same(&found.not_before, planned.from) && same(&found.not_after, planned.to) {
        return None;
    }
    Some(format!(
        "valid from {} to {}, expected {} to {}",
        found.not_before, found.not_after, planned.from, planned.to
    ))
}

pub(super) fn inside(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs().validity();
    let own = case.tbs.validity();
    let inside = seconds(&own.not_before) >= seconds(&issuer.not_before)
        && seconds(&own.not_after) <= seconds(&issuer.not_after);
    (!inside).then(|| {
        format!(
            "valid from {} to {}, while the issuer is valid from {} to {}",
            own.not_before, own.not_after, issuer.not_before, issuer.not_after
        )
    })
}

/// The life in days; what is left of a day is not counted.
fn days(case: &Case) -> u64 {
    let validity = case.tbs.validity();
    seconds(&validity.not_after).saturating_sub(seconds(&validity.not_before)) / 86_400
}

pub(super) fn most(case: &Case) -> Option<String> {
    let (found, most) = (days(case), case.policy.life(case.context.profile).most?);
    (found > most).then(|| format!("a life of {found} days, where {most} are allowed"))
}

pub(super) fn least(case: &Case) -> Option<String> {
    let (found, least) = (days(case), case.policy.life(case.context.profile).least);
    (found < least).then(|| format!("a life of {found} days, where {least} are the least"))
}
