//! The site: which device plays which part today. Never in the plan, never hashed into it.

mod machine;
mod slot;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use machine::{MachineCheck, MachineFinding};
pub use slot::PivSlot;

use crate::plan::{At, Fault, Faults, Name, Source};

/// Whether this is the real thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Throwaway keys: every subject name and document says so.
    Rehearsal,
    /// The real thing: no `--yes`, no PIN from the environment, no moved dates.
    Production,
}

/// Where a device's PIN comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenPin")]
pub enum Pin {
    /// Typed at the terminal, without echo.
    Prompt,
    /// Typed on the device's own keypad.
    Protected,
    /// Read from a file of mode 0600.
    File(PathBuf),
    /// Read from the environment; only in a rehearsal.
    Env(String),
    /// Known to nobody: made by `token init`, dealt out in shares, and restored from some of them, typed by
    /// their holders (Shamir's secret sharing).
    Shares {
        /// How many there are.
        shares: u8,
        /// How many restore it.
        threshold: u8,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenPin {
    Word(String),
    Source {
        file: Option<PathBuf>,
        env: Option<String>,
        shares: Option<u8>,
        threshold: Option<u8>,
        #[serde(flatten)]
        other: IndexMap<String, serde_json::Value>,
    },
}

impl TryFrom<WrittenPin> for Pin {
    type Error = String;
    fn try_from(written: WrittenPin) -> Result<Self, String> {
        // What was found is not repeated: someone may have written the PIN itself here.
        let wrong = "not a source of PINs: expected \"prompt\", \"protected\", { file = \"…\" }, { env = \"…\" } or { shares = 5, threshold = 3 }";
        match written {
            WrittenPin::Word(word) if word == "prompt" => Ok(Self::Prompt),
            WrittenPin::Word(word) if word == "protected" => Ok(Self::Protected),
            WrittenPin::Source { file, env, shares, threshold, other } if other.is_empty() => {
                match (file, env, shares, threshold) {
                    (Some(file), None, None, None) => Ok(Self::File(file)),
                    (None, Some(env), None, None) => Ok(Self::Env(env)),
                    (None, None, Some(shares), Some(threshold)) if threshold < 2 || threshold > shares => {
                        Err(format!(
                            "{threshold} of {shares} shares: expected at least 2, and no more than there are"
                        ))
                    }
                    (None, None, Some(shares), Some(threshold)) => Ok(Self::Shares { shares, threshold }),
                    _ => Err(wrong.into()),
                }
            }
            _ => Err(wrong.into()),
        }
    }
}

impl JsonSchema for Pin {
    fn schema_name() -> Cow<'static, str> {
        "Pin".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where the PIN comes from: typed at the terminal, typed on the device's keypad, a file of mode 0600, shares that several people type, or (in a rehearsal only) an environment variable.",
            "oneOf": [
                {"enum": ["prompt", "protected"]},
                {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"], "additionalProperties": false},
                {"type": "object", "properties": {"env": {"type": "string"}}, "required": ["env"], "additionalProperties": false},
                {"type": "object", "properties": {"shares": {"type": "integer", "minimum": 2, "maximum": 255}, "threshold": {"type": "integer", "minimum": 2, "maximum": 255}}, "required": ["shares", "threshold"], "additionalProperties": false}
            ]
        })
    }
}

/// A PKCS#11 token: found by serial or label, never by slot, since slots move. Or a YubiKey, by its serial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Device {
    /// The PKCS#11 module, as an absolute path (or relative to this file); none for a YubiKey.
    #[serde(default = "no_module", skip_serializing_if = "is_no_module")]
    pub module: At<PathBuf>,
    /// The serial number of a YubiKey, as it is printed on it, which is used through PIV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yubikey: Option<At<u32>>,
    /// The PIV slot of a YubiKey's key; 9c unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piv_slot: Option<At<PivSlot>>,
    /// The module's SHA-256 in hex; another file is then refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_sha256: Option<At<String>>,
    /// The token's serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<At<String>>,
    /// The token's label; also the label that `token init` gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<At<String>>,
    /// The token's model, as it names itself; another one is then refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<At<String>>,
    /// Where the user's PIN comes from.
    #[serde(default = "prompt")]
    pub pin: At<Pin>,
    /// Where the security officer's PIN comes from; needed by `token init` only.
    #[serde(default = "prompt")]
    pub so_pin: At<Pin>,
}

impl Device {
    /// The PIV slot of a YubiKey's key.
    pub fn slot(&self) -> PivSlot {
        self.piv_slot.as_ref().map_or(PivSlot::SIGNATURE, |slot| **slot)
    }

    /// What contradicts itself, or is missing.
    fn check(&self, name: &Name, faults: &mut Vec<Fault>) {
        let Some(yubikey) = &self.yubikey else {
            if let Some(slot) = &self.piv_slot {
                faults.push(Fault::at(slot, format!("device `{name}` has a piv-slot, and is no YubiKey")));
            }
            if self.module.as_os_str().is_empty() {
                let found = format!("device `{name}` has neither module nor yubikey");
                faults.push(Fault::at(&self.module, found).help(
                    "add module = \"…\" (PKCS#11), or yubikey = the number that is printed on a YubiKey",
                ));
            } else if self.serial.is_none() && self.label.is_none() {
                faults.push(
                    Fault::at(&self.module, format!("device `{name}` has neither serial nor label")).help(
                        "add serial = \"…\": `rootwright token list --site FILE` shows what is plugged in",
                    ),
                );
            }
            return;
        };
        let named = [
            ("module", !self.module.as_os_str().is_empty()),
            ("module-sha256", self.module_sha256.is_some()),
            ("serial", self.serial.is_some()),
            ("label", self.label.is_some()),
        ];
        if let Some((field, _)) = named.into_iter().find(|(_, is)| *is) {
            let found = format!("device `{name}` is a YubiKey, and has a {field}");
            faults.push(
                Fault::at(yubikey, found).help("a YubiKey is found by the number under `yubikey` alone"),
            );
        }
        if *self.pin == Pin::Protected {
            let found = format!("device `{name}` is a YubiKey: it has no keypad for its PIN");
            faults.push(Fault::at(&self.pin, found).help("use \"prompt\", or { file = \"…\" } of mode 0600"));
        }
    }
}

fn no_module() -> At<PathBuf> {
    At::absent(PathBuf::new())
}

fn is_no_module(module: &At<PathBuf>) -> bool {
    module.as_os_str().is_empty()
}

fn prompt() -> At<Pin> {
    At::absent(Pin::Prompt)
}

/// The site of a ceremony.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Site {
    /// Whether this is the real thing.
    pub purpose: At<Purpose>,
    /// The number of days by which a rehearsal moves every date of the plan. Refused in production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_shift: Option<At<i64>>,
    /// The hash of the journal's last line in the archive that today's ceremony starts from; any other
    /// archive is refused. An interrupted ceremony goes on with the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_head: Option<At<String>>,
    /// Environment variables that PKCS#11 modules read their configuration from.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, String>,
    /// What people are called who play the plan's parts today. They are shown, and stand in the journal.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub people: IndexMap<Name, String>,
    /// Findings about the ceremony's machine that stop nothing here: by their id, with the reason.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub waivers: IndexMap<MachineCheck, At<String>>,
    /// Keyholders (or keys) whose device is not here: `run` asks them by a file, and takes their answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<At<Name>>,
    /// Devices, by the names that the plan uses.
    pub devices: IndexMap<Name, Device>,
}

impl Site {
    /// Reads and checks a site file. Relative paths in it are relative to `folder`.
    pub fn parse(source: &Source, folder: &Path) -> Result<Self, Faults> {
        let mut site: Self = source.parse()?;
        let faults = site.check();
        if !faults.is_empty() {
            return Err(source.faults(faults));
        }
        for device in site.devices.values_mut() {
            if device.yubikey.is_none() {
                let module = device.module.value_mut();
                *module = folder.join(&*module);
            }
            for pin in [&mut device.pin, &mut device.so_pin] {
                if let Pin::File(file) = pin.value_mut() {
                    *file = folder.join(&*file);
                }
            }
        }
        Ok(site)
    }

    /// A site without devices: everything is drafted with throwaway keys.
    pub fn nowhere(rehearsal: bool) -> Self {
        let purpose = if rehearsal { Purpose::Rehearsal } else { Purpose::Production };
        Self {
            purpose: At::absent(purpose),
            date_shift: None,
            archive_head: None,
            environment: IndexMap::new(),
            people: IndexMap::new(),
            waivers: IndexMap::new(),
            elsewhere: Vec::new(),
            devices: IndexMap::new(),
        }
    }

    /// Whether this is a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        *self.purpose == Purpose::Rehearsal
    }

    /// The number of days by which the plan's dates move.
    pub fn shift(&self) -> i64 {
        self.date_shift.as_ref().map_or(0, |days| **days)
    }

    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        sha256(self.archive_head.as_ref(), &mut faults);
        if let (Some(days), false) = (&self.date_shift, self.is_rehearsal())
            && **days != 0
        {
            faults.push(
                Fault::at(days, "a production site moves no dates")
                    .help("remove date-shift, or set purpose = \"rehearsal\""),
            );
        }
        for (check, reason) in &self.waivers {
            if reason.trim().is_empty() {
                faults.push(
                    Fault::at(reason, format!("the waiver of {check} has no reason"))
                        .help("say why this is right here: it stands in the journal"),
                );
            }
        }
        for (name, device) in &self.devices {
            device.check(name, &mut faults);
            if let Some(label) = &device.label
                && !(1..=32).contains(&label.len())
            {
                faults.push(Fault::at(label, "a token's label has 1 to 32 bytes (PKCS#11 CK_TOKEN_INFO)"));
            }
            sha256(device.module_sha256.as_ref(), &mut faults);
            for pin in [&device.pin, &device.so_pin] {
                if matches!(**pin, Pin::Env(_)) && !self.is_rehearsal() {
                    faults.push(
                        Fault::at(pin, "a production site reads no PIN from the environment")
                            .help("use \"prompt\", \"protected\", or { file = \"…\" } of mode 0600"),
                    );
                }
            }
        }
        faults
    }
}

fn sha256(hash: Option<&At<String>>, faults: &mut Vec<Fault>) {
    let hex = |hash: &str| hash.len() == 64 && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    if let Some(hash) = hash.filter(|hash| !hex(hash)) {
        faults.push(Fault::at(hash, "expected a SHA-256: 64 characters of 0-9 and a-f"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"
purpose = "rehearsal"
date-shift = -8
[devices.root-hsm]
module = "/usr/lib/softhsm/libsofthsm2.so"
serial = "1f0e"
pin = { file = "root.pin" }
"#;

    fn parse(text: &str) -> Result<Site, String> {
        Site::parse(&Source::new("site.toml", text), Path::new("/site")).map_err(|faults| faults.to_string())
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let site = parse(SITE).unwrap();
        let device = &site.devices[&"root-hsm".parse::<Name>().unwrap()];
        assert_eq!(*device.pin, Pin::File("/site/root.pin".into()));
        assert_eq!(*device.module, PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"));
        assert_eq!(site.shift(), -8);
    }

    #[test]
    fn production_is_strict() {
        let production = SITE.replace("\"rehearsal\"", "\"production\"");
        assert!(parse(&production).unwrap_err().contains("site.toml:3:14: a production site moves no dates"));
        let env = production
            .replace("date-shift = -8\n", "")
            .replace("{ file = \"root.pin\" }", "{ env = \"PIN\" }");
        assert!(parse(&env).unwrap_err().contains("no PIN from the environment"));
    }

    #[test]
    fn a_pin_in_the_file_is_refused_and_not_repeated() {
        let shown = parse(&SITE.replace("{ file = \"root.pin\" }", "\"123456\"")).unwrap_err();
        assert!(shown.contains("not a source of PINs"), "{shown}");
        assert!(!shown.contains("123456"), "{shown}");
    }

    #[test]
    fn devices_are_found_by_serial_or_label_only() {
        let shown = parse(&SITE.replace("serial = \"1f0e\"\n", "")).unwrap_err();
        assert!(shown.contains("neither serial nor label"), "{shown}");
        let shown = parse(&SITE.replace("serial = \"1f0e\"", "slot = 3")).unwrap_err();
        assert!(shown.contains("unknown field `slot`"), "{shown}");
    }
}
