//! A Sigsum policy (sigsum-go, `doc/policy.md`): which logs and witnesses somebody knows, and which of the
//! witnesses must have cosigned a tree. The same file serves `sigsum-submit` and `sigsum-verify`.
//!
//! ```text
//! log KEY [URL]
//! witness NAME KEY [URL]
//! group NAME all|any|NUMBER MEMBER…
//! quorum NAME|none
//! ```

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER_PERMISSIVE;

use super::super::Judged;
use super::Bytes32;

/// The quorum of who asks for no witness.
pub const NONE: &str = "none";

/// As many groups as anybody needs: each may be in another.
const GROUPS: usize = 64;

/// A witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What the policy calls it.
    pub name: String,
    /// Its key, 32 bytes of Ed25519.
    pub key: Bytes32,
}

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The logs' keys, 32 bytes of Ed25519 each.
    pub logs: Vec<Bytes32>,
    /// The witnesses.
    pub witnesses: Vec<Witness>,
    /// The witness, or the group, that must have cosigned, by its name.
    pub quorum: String,
    /// Groups: how many of which members.
    groups: BTreeMap<String, (usize, Vec<String>)>,
}

impl Policy {
    /// Reads a policy's file.
    pub fn parse(text: &str) -> Judged<Self> {
        let (mut policy, mut members) = (Self::default(), BTreeSet::new());
        for (number, line) in (1_usize..).zip(text.lines()) {
            let wrong = |reason: String| format!("line {number}: {reason}");
            if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
                return Err(wrong("it has a control character".into()));
            }
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["log", key] | ["log", key, _] => {
                    let key = read(key).map_err(wrong)?;
                    if policy.logs.contains(&key) {
                        return Err(wrong("a log for the second time".into()));
                    }
                    policy.logs.push(key);
                }
                ["witness", name, key] | ["witness", name, key, _] => {
                    policy.is_free(name).map_err(wrong)?;
                    let key = read(key).map_err(wrong)?;
                    if policy.witnesses.iter().any(|other| other.key == key) {
                        return Err(wrong("a witness's key for the second time".into()));
                    }
                    policy.witnesses.push(Witness { name: (*name).to_string(), key });
                }
                ["group", name, threshold, listed @ ..] => {
                    policy.is_free(name).map_err(wrong)?;
                    if policy.groups.len() == GROUPS {
                        return Err(wrong(format!("more than {GROUPS} groups")));
                    }
                    for member in listed {
                        policy.is_known(member).map_err(wrong)?;
                        if !members.insert((*member).to_string()) {
                            return Err(wrong(format!("`{member}` is a member for the second time")));
                        }
                    }
                    let threshold = match *threshold {
                        "any" => Some(1),
                        "all" => Some(listed.len()),
                        number => number.parse().ok(),
                    };
                    let threshold = threshold.filter(|count| (1..=listed.len()).contains(count));
                    let threshold = threshold.ok_or_else(|| {
                        wrong(format!("expected all, any or a number from 1 to {}", listed.len()))
                    })?;
                    let listed = listed.iter().map(|member| (*member).to_string()).collect();
                    policy.groups.insert((*name).to_string(), (threshold, listed));
                }
                ["quorum", name] => {
                    if !policy.quorum.is_empty() {
                        return Err(wrong("a second quorum".into()));
                    }
                    if *name != NONE {
                        policy.is_known(name).map_err(wrong)?;
                    }
                    policy.quorum = (*name).to_string();
                }
                _ => return Err(wrong("expected a log, a witness, a group or a quorum".into())),
            }
        }
        if policy.quorum.is_empty() {
            return Err("it has no quorum: `quorum none` asks for no witness".into());
        }
        Ok(policy)
    }

    fn defines(&self, name: &str) -> bool {
        self.groups.contains_key(name) || self.witnesses.iter().any(|witness| witness.name == name)
    }

    fn is_free(&self, name: &str) -> Judged<()> {
        if name == NONE || self.defines(name) { Err(format!("`{name}` is taken")) } else { Ok(()) }
    }

    fn is_known(&self, name: &str) -> Judged<()> {
        if self.defines(name) { Ok(()) } else { Err(format!("`{name}` is nothing that stands above")) }
    }

    /// Whether the quorum is reached, where these witnesses cosigned.
    pub fn is_reached(&self, cosigned: &[String]) -> bool {
        self.quorum == NONE || self.has(&self.quorum, cosigned)
    }

    /// Groups have members that stand above them, so this ends.
    fn has(&self, name: &str, cosigned: &[String]) -> bool {
        match self.groups.get(name) {
            Some((threshold, members)) => {
                members.iter().filter(|member| self.has(member, cosigned)).count() >= *threshold
            }
            None => cosigned.iter().any(|witness| witness == name),
        }
    }
}

fn read(key: &str) -> Judged<Bytes32> {
    let bytes = HEXLOWER_PERMISSIVE.decode(key.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "expected a key: 32 bytes in hex".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> String {
        format!("{number:02x}").repeat(32)
    }

    /// Two groups, of which the first needs two.
    fn text() -> String {
        let mut text = format!("# known\n\nlog {} https://log.example.org\n", key(1));
        for (number, name) in (2..).zip(["x1", "x2", "x3", "y1"]) {
            text.push_str(&format!("witness {name}\t {}\n", key(number)));
        }
        text + "group x 2 x1 x2 x3\ngroup both all x y1\nquorum both\n"
    }

    #[test]
    fn a_quorum_is_reached_or_not() {
        let policy = Policy::parse(&text()).unwrap();
        assert_eq!((policy.logs.len(), policy.witnesses.len()), (1, 4));
        let reached = |names: &[&str]| {
            policy.is_reached(&names.iter().map(|name| name.to_string()).collect::<Vec<_>>())
        };
        assert!(reached(&["x1", "x3", "y1"]) && reached(&["x1", "x2", "x3", "y1"]));
        for names in [&["x1", "y1"][..], &["x1", "x2", "x3"], &["both"], &[]] {
            assert!(!reached(names), "{names:?}");
        }
        let any =
            Policy::parse(&text().replace("x 2 x1", "x any x1").replace("quorum both", "quorum x")).unwrap();
        assert!(any.is_reached(&["x3".to_string()]) && !any.is_reached(&["y1".to_string()]));
        let one = Policy::parse(&text().replace("quorum both", "quorum y1")).unwrap();
        assert!(one.is_reached(&["y1".to_string()]) && !one.is_reached(&["x1".to_string()]));
        let none = Policy::parse(&text().replace("quorum both", "quorum none")).unwrap();
        assert!(none.is_reached(&[]));
    }

    #[test]
    fn what_is_no_policy_is_refused_for_its_reason() {
        for (from, to, words) in [
            ("quorum both\n", "", "it has no quorum"),
            ("quorum both\n", "quorum both\nquorum x\n", "line 11: a second quorum"),
            ("quorum both\n", "quorum x4\n", "line 10: `x4` is nothing that stands above"),
            ("group both all x y1", "group both all x y1 x1", "line 9: `x1` is a member for the second time"),
            ("group both all x y1", "group both 3 x y1", "line 9: expected all, any or a number from 1 to 2"),
            ("group both all x y1", "group both 0 x y1", "line 9: expected all, any or a number from 1 to 2"),
            ("group both all x y1", "group both all", "line 9: expected all, any or a number from 1 to 0"),
            ("group x 2 x1", "group y1 2 x1", "line 8: `y1` is taken"),
            ("group x 2 x1", "group none 2 x1", "line 8: `none` is taken"),
            ("witness x2", "witness x1", "line 5: `x1` is taken"),
            ("02020202", "0202", "line 4: expected a key"),
            ("log 01", "log 1", "line 3: expected a key"),
            ("log 01", "tree 01", "line 3: expected a log, a witness, a group or a quorum"),
            ("# known", "# kno\u{1}wn", "line 1: it has a control character"),
        ] {
            let refused = Policy::parse(&text().replacen(from, to, 1)).unwrap_err();
            assert!(refused.contains(words), "{from} → {to}: {refused}");
        }
        let twice = text().replacen(&key(3), &key(2), 1);
        assert!(Policy::parse(&twice).unwrap_err().contains("line 5: a witness's key for the second time"));
        let log = format!("log {}\n{}", key(1), text());
        assert!(Policy::parse(&log).unwrap_err().contains("line 4: a log for the second time"));
    }
}
