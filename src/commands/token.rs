//! `rootwright token`: devices, what they are and hold.

mod attestation;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Code, Failure, Output, load};
use crate::ceremony::console::Terminal;
use crate::pki::Algorithm;
use crate::plan::Name;
use crate::token::yubikey::Enrolment;
use crate::token::{DeviceReport, Devices, ObjectReport, Present, TokenState, environment, guard};

/// Look at the devices of a site, and prepare blank ones.
#[derive(Debug, clap::Args)]
pub struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Init(Init),
    Attest(Attest),
}

/// List every token that the site's modules see, with the serial that the site must name. No login.
#[derive(Debug, clap::Args)]
struct List {
    /// The site.
    #[arg(long)]
    site: PathBuf,
}

/// Show what devices of the site are and hold. Logs in, and changes nothing.
#[derive(Debug, clap::Args)]
struct Show {
    /// The site.
    #[arg(long)]
    site: PathBuf,

    /// Devices to show, by the site's names; all of them unless said.
    device: Vec<Name>,
}

/// Make a blank token ready: label, security officer's PIN, user PIN. Or enrol a key on a YubiKey.
///
/// A YubiKey's key is generated on it, wants its PIN and a touch for each signature, and is attested by the
/// device: the attestation is judged by the rules, and one is broken where the exit code is 1. A default PIN,
/// PUK or management key is refused, or changed on the spot with --change-defaults; the applet is never
/// reset, and a slot that holds a key is left alone unless the device's serial number is typed back.
///
/// A token that is initialised already is never touched: this refuses where one has the site's label
/// or serial, and where more than one blank token could be meant. Afterwards, put the serial that it
/// prints into the site.
#[derive(Debug, clap::Args)]
struct Init {
    /// The site.
    #[arg(long)]
    site: PathBuf,

    /// The device to make ready, by the site's name.
    device: Name,

    /// Of a YubiKey: the key's algorithm, ecdsa-p256 (which every TUF client takes), ecdsa-p384, or ed25519
    /// on firmware 5.7 and later.
    #[arg(long, default_value = "ecdsa-p256", value_parser = algorithm)]
    algorithm: Algorithm,

    /// Of a YubiKey: change a default PIN and PUK to those that the site's `pin` and `so-pin` say (typed
    /// twice), and a default management key to a random one that the device keeps for whoever has the PIN.
    #[arg(long)]
    change_defaults: bool,

    /// Of a YubiKey: a folder for DEVICE.leaf.pem, DEVICE.f9.pem (the attestation) and DEVICE.pem (the key).
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Show a YubiKey's attestation of its key, judged by the rules. No PIN, and nothing is changed.
///
/// Exit code 1 where a rule is broken.
#[derive(Debug, clap::Args)]
struct Attest {
    /// The site.
    #[arg(long)]
    site: PathBuf,

    /// The device, by the site's name.
    device: Name,

    /// A folder for DEVICE.leaf.pem, DEVICE.f9.pem (the attestation) and DEVICE.pem (the key).
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    const CAN: [Algorithm; 3] = [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519];
    CAN.into_iter()
        .find(|algorithm| algorithm.as_str() == text)
        .ok_or_else(|| "a YubiKey's key is ecdsa-p256, ecdsa-p384 or ed25519".into())
}

impl Token {
    /// Looks, or prepares.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        match self.verb {
            Verb::List(verb) => list(&verb, output),
            Verb::Show(verb) => show(&verb, output),
            Verb::Init(verb) => init(&verb, output),
            Verb::Attest(verb) => attest(&verb, output),
        }
    }
}

fn open(site: &Path) -> Result<(load::LoadedSite, Devices), Failure> {
    let loaded = load::site(site)?;
    environment::ensure(&loaded.site.environment).map_err(|error| Failure::usage(error.to_string()))?;
    guard::guard();
    let devices = Devices::new(&loaded.site);
    Ok((loaded, devices))
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    module: String,
    tokens: Vec<Present>,
    unreadable: Vec<String>,
    error: Option<String>,
}

fn list(verb: &List, output: &Output) -> Result<Code, Failure> {
    let (_, mut devices) = open(&verb.site)?;
    let mut listed = Vec::new();
    let mut failure = None;
    for module in devices.list() {
        let path = module.module.display().to_string();
        match module.tokens {
            Ok(tokens) => {
                let unreadable = module.unreadable.iter().map(ToString::to_string).collect();
                listed.push(Listed { module: path, tokens, unreadable, error: None });
            }
            Err(error) => {
                let (tokens, unreadable) = (Vec::new(), Vec::new());
                listed.push(Listed { module: path, tokens, unreadable, error: Some(error.to_string()) });
                failure.get_or_insert(Failure::from(error));
            }
        }
    }
    if let Some(mut failure) = failure {
        failure.document = serde_json::to_value(serde_json::json!({ "modules": listed })).ok();
        return Err(failure);
    }
    output.result(&listed, || listed.iter().map(module_text).collect())?;
    Ok(Code::Done)
}

fn module_text(listed: &Listed) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["serial", "label", "model", "firmware", "state", "device of the site"]);
    for Present { devices, state } in &listed.tokens {
        let names: Vec<&str> = devices.iter().map(Name::as_str).collect();
        table.add_row([
            state.report.serial.as_str(),
            state.report.label.as_str(),
            state.report.model.as_str(),
            state.report.firmware.as_str(),
            &words(state),
            &names.join(", "),
        ]);
    }
    let mut text = format!("{}\n", listed.module);
    if listed.tokens.is_empty() {
        text.push_str("  no token\n");
    } else {
        text.push_str(&format!("{}\n", table.trim_fmt()));
    }
    for token in &listed.unreadable {
        text.push_str(&format!("  {token}\n"));
    }
    text
}

/// What a person should know of a token before they trust it with anything.
fn words(state: &TokenState) -> String {
    let pin = &state.user_pin;
    let all = [
        (!state.initialized, "blank"),
        (state.initialized && !state.user_pin_set, "no user PIN"),
        (state.write_protected, "write-protected"),
        (pin.locked, "PIN LOCKED"),
        (pin.final_try, "PIN: LAST TRY"),
        (pin.count_low, "a wrong PIN was typed"),
        (pin.to_be_changed, "PIN to be changed"),
    ];
    let found: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    let tries = pin.tries.map(|tries| format!("{tries} {}", if tries == 1 { "try" } else { "tries" }));
    let words = if found.is_empty() { "ready".into() } else { found.join(", ") };
    tries.map_or(words.clone(), |tries| format!("{words}, {tries}"))
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    device: Name,
    claims: DeviceReport,
    algorithms: Vec<&'static str>,
    objects: Vec<ObjectReport>,
}

fn show(verb: &Show, output: &Output) -> Result<Code, Failure> {
    let (loaded, mut devices) = open(&verb.site)?;
    let names = if verb.device.is_empty() {
        loaded.site.devices.keys().cloned().collect()
    } else {
        verb.device.clone()
    };
    let mut shown = Vec::new();
    for device in names {
        let token = devices.open(&device, &mut Terminal::new(false))?;
        let objects = token.inventory()?;
        shown.push(Shown {
            device,
            claims: token.report().clone(),
            algorithms: token.algorithms().iter().map(|algorithm| algorithm.as_str()).collect(),
            objects,
        });
    }
    output.result(&shown, || shown.iter().map(device_text).collect::<Vec<_>>().join("\n"))?;
    Ok(Code::Done)
}

fn device_text(shown: &Shown) -> String {
    let DeviceReport {
        module,
        module_sha256,
        library,
        manufacturer,
        model,
        serial,
        label,
        hardware,
        firmware,
    } = &shown.claims;
    let mut text = format!(
        "{}\n  serial        {serial}\n  label         {label}\n  model         {manufacturer} {model}\n  versions      hardware {hardware}, firmware {firmware}\n  module        {module}\n                SHA-256 {module_sha256}\n                {library}\n  algorithms    {}\n",
        shown.device,
        shown.algorithms.join(", ")
    );
    if shown.objects.is_empty() {
        text.push_str("  objects       none\n");
        return text;
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["", "class", "label", "key type", "id"]);
    for object in &shown.objects {
        table.add_row(["", &object.class, &object.label, &object.key_type, &object.id]);
    }
    text.push_str(&format!("{}\n", table.trim_fmt()));
    text
}

fn init(verb: &Init, output: &Output) -> Result<Code, Failure> {
    let (_, mut devices) = open(&verb.site)?;
    if devices.is_yubikey(&verb.device)? {
        let Init { algorithm, change_defaults, .. } = *verb;
        let wanted = Enrolment { algorithm, change_defaults };
        let enrolled = devices.enrol(&verb.device, wanted, &mut Terminal::new(false))?;
        return attestation::show(&verb.device, &enrolled, verb.output.as_deref(), output);
    }
    let report = devices.init(&verb.device, &mut Terminal::new(false))?;
    output.result(&report, || {
        format!(
            "{} is ready: token `{}`, serial {}.\nPut into the site, under [devices.{}]:\n\n  serial = \"{}\"\n",
            verb.device, report.label, report.serial, verb.device, report.serial
        )
    })?;
    Ok(Code::Done)
}

fn attest(verb: &Attest, output: &Output) -> Result<Code, Failure> {
    let (_, mut devices) = open(&verb.site)?;
    if !devices.is_yubikey(&verb.device)? {
        let found =
            format!("{} is no YubiKey: no attestation of its maker can be had or checked here", verb.device);
        return Err(Failure::usage(found).help(
            "its maker's tool writes one; keep its bytes with the ceremony's documents, and say that nobody here verified it",
        ));
    }
    let enrolled = devices.attest(&verb.device)?;
    attestation::show(&verb.device, &enrolled, verb.output.as_deref(), output)
}
