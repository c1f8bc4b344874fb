//! How many people of each role must sign something.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::Name;
use super::people::{Person, Role};
use super::source::At;

/// How many people of each role must sign, such as `{ witness = 1, keyholder = 3 }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Quorum(pub IndexMap<Role, At<u32>>);

impl Quorum {
    /// Whether nobody is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is still missing when these people have signed: role, how many signed, how many must.
    pub fn missing<'a>(
        &self,
        people: &IndexMap<Name, Person>,
        signed: impl Iterator<Item = &'a Name> + Clone,
    ) -> Vec<(Role, u32, u32)> {
        let count = |role: Role| {
            let role_of = |name: &&Name| people.get(*name).map(|person| *person.role);
            let count = signed.clone().filter(|name| role_of(name) == Some(role)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let all = self.0.iter().map(|(role, must)| (*role, count(*role), **must));
        all.filter(|(_, have, must)| have < must).collect()
    }
}

/// What of a ceremony stays out of its public report, but for a salted hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Private {
    /// What people are called.
    Names,
    /// Serial numbers of devices.
    Serials,
    /// Places: where devices and media are kept, and where people were.
    Places,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Source};

    fn plan(ceremony: &str, people: &str) -> Result<Plan, String> {
        let text = include_str!("../../ceremony/sigstore.toml")
            .replacen("[ceremony]\n", &format!("[ceremony]\n{ceremony}\n"), 1)
            .replacen("[people]\n", &format!("[people]\n{people}\n"), 1);
        Plan::parse(&Source::new("plan.toml", text)).map_err(|faults| faults.to_string())
    }

    const SSH: &str = include_str!("../pki/ssh/samples/ed25519.pub");

    #[test]
    fn roles_are_counted() {
        let plan = plan("approvals = { keyholder = 2 }", "").unwrap();
        let [first, second, other] =
            ["keyholder-1", "keyholder-2", "witness-1"].map(|name| name.parse::<Name>().unwrap());
        let missing =
            |signed: &[&Name]| plan.ceremony.approvals.missing(&plan.people, signed.iter().copied());
        assert_eq!(missing(&[]), [(Role::Keyholder, 0, 2)]);
        assert_eq!(missing(&[&first, &other]), [(Role::Keyholder, 1, 2)]);
        assert!(missing(&[&first, &second]).is_empty());
    }

    #[test]
    fn more_than_can_sign_are_refused() {
        let shown = plan("approvals = { keyholder = 6 }", "").unwrap_err();
        assert!(shown.contains("6 of role keyholder must sign, and the plan has 5 who can"), "{shown}");
        let shown = plan("seal = { witness = 1 }", "").unwrap_err();
        assert!(shown.contains("the plan has 0 who can"), "{shown}");
        assert!(shown.contains("ssh = "), "{shown}");
        let ssh = format!("w = {{ role = \"witness\", ssh = {:?} }}", SSH.trim());
        let plan = plan("seal = { witness = 1 }\nprivate = [\"names\", \"serials\"]", &ssh).unwrap();
        assert_eq!(plan.ceremony.private.len(), 2);
    }

    #[test]
    fn an_ssh_key_is_one_line_of_a_known_kind() {
        for (key, words) in [
            ("ssh-dss AAAAB3NzaC1kc3M= old", "ssh-dss"),
            ("ssh-ed25519", "expected a line"),
            ("ssh-ed25519 ####", "base64"),
        ] {
            let shown = plan("", &format!("w = {{ role = \"witness\", ssh = {key:?} }}")).unwrap_err();
            assert!(shown.contains(words), "{shown}");
        }
        let twice = format!(
            "w = {{ role = \"witness\", ssh = {0:?} }}\nv = {{ role = \"witness\", ssh = {0:?} }}",
            SSH.trim()
        );
        let shown = plan("", &twice).unwrap_err();
        assert!(shown.contains("have the same SSH key"), "{shown}");
    }
}
