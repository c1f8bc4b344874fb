//! Site files. Never anything secret: of PINs only where they come from, of the environment only names.

use std::path::Path;

use super::sheet::{Cell, Sheet};
use crate::plan::{Fault, Faults, Source};
use crate::site::{Device, Pin, Site};

/// All there is to see of a site file; or its faults by their lines, which are not repeated: someone may
/// have written a secret there.
pub fn show(source: &Source) -> Result<Sheet, String> {
    // Paths as they stand in the file.
    let site = Site::parse(source, Path::new("")).map_err(|faults| by_line(source, &faults))?;
    let mut sheet = Sheet::default();
    sheet.sha256("site SHA-256", source.text.as_bytes());
    sheet.text("purpose", if site.is_rehearsal() { "rehearsal" } else { "production" });
    let shift = match site.shift() {
        0 => "not at all".to_string(),
        days => format!("by {days} days"),
    };
    sheet.row("dates are moved", Cell::Words(shift, site.shift().into()));
    // A vendor's module may take a passphrase from there.
    sheet.row("environment variables", Cell::texts(site.environment.keys()));
    let devices = site.devices.iter().map(|(name, found)| device(Sheet::named(name.as_str()), found));
    sheet.row("devices", Cell::Sheets("device", devices.collect()));
    Ok(sheet)
}

fn device(mut sheet: Sheet, device: &Device) -> Sheet {
    if let Some(serial) = &device.yubikey {
        sheet.text("YubiKey", serial.to_string());
        sheet.text("PIV slot", device.slot().to_string());
        sheet.text("PIN", source_of(&device.pin));
        sheet.text("PUK", source_of(&device.so_pin));
        return sheet;
    }
    sheet.text("module", device.module.display().to_string());
    let hash = device.module_sha256.as_ref().map_or_else(|| Cell::none("not pinned"), |hash| Cell::hex(hash));
    sheet.row("module SHA-256", hash);
    for (label, value) in [("serial number", &device.serial), ("label", &device.label)] {
        sheet.row(label, value.as_ref().map_or_else(|| Cell::none("not named"), |text| Cell::text(&***text)));
    }
    sheet.text("PIN", source_of(&device.pin));
    sheet.text("SO PIN", source_of(&device.so_pin));
    sheet
}

fn by_line(source: &Source, faults: &Faults) -> String {
    let line = |fault: &Fault| {
        let before = fault.place.as_ref().and_then(|place| source.text.get(..place.start));
        let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
        let help = fault.help.as_ref().map(|help| format!("\n  {help}"));
        format!("{}{}{}", line.unwrap_or_default(), fault.found, help.unwrap_or_default())
    };
    faults.list.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn source_of(pin: &Pin) -> String {
    match pin {
        Pin::Prompt => "typed at the terminal".into(),
        Pin::Protected => "typed on the device".into(),
        Pin::Shares { shares, threshold } => {
            format!("{threshold} of {shares} shares, typed by their holders")
        }
        Pin::File(path) => format!("file {}", path.display()),
        Pin::Env(name) => format!("environment variable {name}"),
    }
}
