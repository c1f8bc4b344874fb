//! PIV slots, as a site names them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A PIV slot for keys: 9a, 9c, 9d, 9e, or one of the retired ones, 82 to 95 (NIST SP 800-73-4, part 1,
/// table 4b). 9c is for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PivSlot(u8);

impl PivSlot {
    /// The slot for signatures, 9c.
    pub const SIGNATURE: Self = Self(0x9c);

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [0x9a, 0x9c, 0x9d, 0x9e].into_iter().chain(0x82..=0x95).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PivSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl From<PivSlot> for String {
    fn from(slot: PivSlot) -> Self {
        slot.to_string()
    }
}

impl TryFrom<String> for PivSlot {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::all()
            .find(|slot| slot.to_string() == text)
            .ok_or_else(|| format!("no PIV slot for keys: `{text}`; expected 9a, 9c, 9d, 9e, or 82 to 95"))
    }
}

impl JsonSchema for PivSlot {
    fn schema_name() -> Cow<'static, str> {
        "PivSlot".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let slots: Vec<String> = Self::all().map(String::from).collect();
        json_schema!({ "description": "A PIV slot for keys; 9c is for signatures.", "enum": slots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_hold_no_keys_are_none() {
        assert_eq!(PivSlot::try_from("9c".to_string()), Ok(PivSlot::SIGNATURE));
        assert_eq!(PivSlot::all().count(), 24);
        for wrong in ["9b", "f9", "9C", "0x9c", "96", "81", ""] {
            assert!(PivSlot::try_from(wrong.to_string()).is_err(), "{wrong}");
        }
    }
}
