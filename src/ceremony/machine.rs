//! What the ceremony's machine is like: its network, its swap, its clock. Looked at, never changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::pki::known_answers;
use crate::plan::{Day, Time};
use crate::site::{MachineCheck, MachineFinding, Site};
use crate::token::guard::Guard;

/// Findings that stop a production ceremony.
#[derive(Clone, Debug, thiserror::Error)]
pub struct MachineFindings(pub Vec<MachineFinding>);

impl std::fmt::Display for MachineFindings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this machine is not as a production ceremony wants it")?;
        for MachineFinding { id, found, .. } in &self.0 {
            write!(f, "\n  {found} [{id}]\n    expected: {}", id.says())?;
        }
        Ok(())
    }
}

/// Everything that is not as it should be, with the site's waivers. The disk is looked at elsewhere:
/// how much is needed is known only when everything is drafted.
pub fn look(site: &Site, guard: Guard, now: Time, day: Day) -> Vec<MachineFinding> {
    let swap = swaps(&fs::read_to_string("/proc/swaps").unwrap_or_default());
    let links = links(Path::new("/sys/class/net"));
    let text = |list: &[String]| list.join(", ");
    let all = [
        (
            now.day() != day,
            MachineCheck::ClockDay,
            format!("the clock says {now}, and the plan's day is {day}"),
        ),
        (!links.is_empty(), MachineCheck::Network, format!("network links are up: {}", text(&links))),
        (!swap.is_empty(), MachineCheck::Swap, format!("swap is on: {}", text(&swap))),
        (
            !guard.no_core_dumps,
            MachineCheck::CoreDumps,
            "core dumps of this process can't be switched off".into(),
        ),
        (
            !guard.locked,
            MachineCheck::Memory,
            "this process's memory can't be locked: run as root, or raise the limit (`ulimit -l unlimited`)"
                .into(),
        ),
    ];
    let waived = |id| site.waivers.get(&id).map(|reason| (**reason).clone());
    let found = all.into_iter().filter(|(wrong, ..)| *wrong);
    found.map(|(_, id, found)| MachineFinding { id, found, waived: waived(id) }).collect()
}

/// What the machine is like, whether or not it is as it should be: for the record.
pub fn facts(guard: Guard) -> BTreeMap<String, String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    let list = |list: Vec<String>, none: &str| if list.is_empty() { none.into() } else { list.join(", ") };
    let random = getrandom::fill(&mut [0; 16]).map_or_else(|error| error.to_string(), |()| "answers".into());
    let all = [
        ("kernel", read("/proc/version")),
        ("boot", read("/proc/sys/kernel/random/boot_id")),
        ("network links that are up", list(links(Path::new("/sys/class/net")), "none")),
        ("swap", list(swaps(&read("/proc/swaps")), "none")),
        ("core dumps", if guard.no_core_dumps { "off" } else { "possible" }.into()),
        ("memory", if guard.locked { "locked" } else { "not locked" }.into()),
        ("random source", random),
        (
            "known-answer tests",
            known_answers::check().map_or_else(|error| error, |passed| format!("passed: {passed}")),
        ),
    ];
    let said = all.into_iter().filter(|(_, found)| !found.is_empty());
    said.map(|(what, found)| (what.to_string(), found)).collect()
}

/// Refuses to go on in production with what the site does not waive.
pub fn judge(site: &Site, findings: &[MachineFinding]) -> Result<(), MachineFindings> {
    let stop: Vec<MachineFinding> =
        findings.iter().filter(|finding| finding.waived.is_none()).cloned().collect();
    if site.is_rehearsal() || stop.is_empty() { Ok(()) } else { Err(MachineFindings(stop)) }
}

/// Links that are up, but for the machine's own loopback. A link whose state the kernel does not know
/// (a bridge, a tunnel, some drivers) is taken for up when it is switched on.
fn links(folder: &Path) -> Vec<String> {
    const IFF_UP: u64 = 1;
    const IFF_LOOPBACK: u64 = 8;
    let mut links = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let flags = u64::from_str_radix(read("flags").trim().trim_start_matches("0x"), 16).unwrap_or(IFF_UP);
        let state = read("operstate");
        let up = match state.trim() {
            "up" => true,
            "down" | "notpresent" | "lowerlayerdown" => false,
            _ => flags & IFF_UP != 0,
        };
        if up && flags & IFF_LOOPBACK == 0 {
            links.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    links.sort();
    links
}

/// The devices of `/proc/swaps`: a line of headings, then one each.
fn swaps(text: &str) -> Vec<String> {
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Source;

    #[test]
    fn links_that_are_up_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        for (name, state, flags) in [
            ("lo", "unknown", "0x9"),
            ("eth0", "up", "0x1003"),
            ("eth1", "down", "0x1003"),
            ("tun0", "unknown", "0x1091"),
            ("tun1", "unknown", "0x1090"),
        ] {
            let link = folder.path().join(name);
            fs::create_dir(&link).unwrap();
            fs::write(link.join("operstate"), format!("{state}\n")).unwrap();
            fs::write(link.join("flags"), format!("{flags}\n")).unwrap();
        }
        assert_eq!(links(folder.path()), ["eth0", "tun0"]);
        assert!(links(&folder.path().join("no-such-folder")).is_empty());
    }

    #[test]
    fn swap_devices_are_listed() {
        let none = "Filename\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(swaps(none).is_empty());
        assert_eq!(swaps(&format!("{none}/dev/sda2 partition 8388604 0 -2\n")), ["/dev/sda2"]);
    }

    #[test]
    fn production_stops_at_what_is_not_waived() {
        let site = |text: &str| Site::parse(&Source::new("site.toml", text), Path::new("/")).unwrap();
        let day: Day = "2026-12-01".parse().unwrap();
        let wrong_day: Time = "2026-12-02T09:00:00Z".parse().unwrap();
        let guard = Guard { no_core_dumps: true, locked: false };
        let production = site("purpose = \"production\"\n[devices]\n");
        let found = look(&production, guard, wrong_day, day);
        let ids: Vec<MachineCheck> = found.iter().map(|finding| finding.id).collect();
        assert!(ids.contains(&MachineCheck::ClockDay) && ids.contains(&MachineCheck::Memory), "{ids:?}");
        assert!(!ids.contains(&MachineCheck::CoreDumps));
        let shown = judge(&production, &found).unwrap_err().to_string();
        assert!(shown.contains("[ENV-MEMORY]") && shown.contains("expected: The machine's clock"), "{shown}");
        assert!(judge(&site("purpose = \"rehearsal\"\n[devices]\n"), &found).is_ok());
        let waivers: String = ids.iter().map(|id| format!("{id} = \"as reviewed\"\n")).collect();
        let waiving = site(&format!("purpose = \"production\"\n[waivers]\n{waivers}[devices]\n"));
        assert!(judge(&waiving, &look(&waiving, guard, wrong_day, day)).is_ok());
    }
}
