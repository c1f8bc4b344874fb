//! Who acts: the plan's parts, with the names that the site gives them today.

use std::fmt;

use crate::archive::State;
use crate::plan::{Name, Plan, Role};
use crate::site::Site;

/// A person of the ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The plan's name of the part.
    pub part: Name,
    /// What the person is called, where the site says so.
    pub called: Option<String>,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.called {
            Some(called) => write!(f, "{called} ({})", self.part),
            None => write!(f, "{}", self.part),
        }
    }
}

/// The people of a ceremony.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    /// Who must be there.
    pub plan: &'a Plan,
    /// What they are called.
    pub site: &'a Site,
    /// Whose devices the archive knows: also those of keyholders whom the plan names no more.
    pub state: &'a State,
}

impl People<'_> {
    /// Who works a device: its owner, or else whoever works the keyboard.
    pub fn at(&self, device: &Name) -> Option<Person> {
        let owner = self.plan.people_keys().find(|(_, own, _)| *own == device);
        let owner = owner.map(|(name, ..)| name).or_else(|| self.state.keyholder_at(device));
        match owner {
            Some(name) => Some(self.person(name)),
            None => self.first(&[Role::Operator, Role::Administrator]),
        }
    }

    /// Who reads fingerprints back, and the clock on the wall.
    pub fn witness(&self) -> Option<Person> {
        self.first(&[Role::Witness, Role::Administrator, Role::Operator])
    }

    /// Who leads the ceremony.
    pub fn leader(&self) -> Option<Person> {
        self.first(&[Role::Administrator, Role::Operator])
    }

    /// The first person of the first of these roles that the plan has.
    fn first(&self, roles: &[Role]) -> Option<Person> {
        roles.iter().find_map(|role| {
            let mut people = self.plan.people.iter();
            people.find(|(_, person)| *person.role == *role).map(|(name, _)| self.person(name))
        })
    }

    fn person(&self, part: &Name) -> Person {
        Person { part: part.clone(), called: self.site.people.get(part).cloned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Source, tests::example};

    #[test]
    fn each_device_has_somebody_who_works_it() {
        let site = "purpose = \"rehearsal\"\n[people]\nkeyholder-1 = \"Ada\"\n[devices]\n";
        let site = Site::parse(&Source::new("site.toml", site), std::path::Path::new("/")).unwrap();
        let plan = example();
        let state = State::default();
        let people = People { plan: &plan, site: &site, state: &state };
        let at = |device: &str| people.at(&device.parse().unwrap()).unwrap().to_string();
        assert_eq!(at("keyholder-1"), "Ada (keyholder-1)");
        assert_eq!(at("keyholder-2"), "keyholder-2");
        assert_eq!(at("root-hsm"), "operator");
        assert_eq!(people.witness().unwrap().to_string(), "witness-1");
    }
}
