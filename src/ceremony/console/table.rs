//! What was found before the first write, as a table.

use std::fmt::Write;

use crate::ceremony::preflight::Preflight;

/// The lines of the table, without colours.
pub(super) fn lines(preflight: &Preflight) -> String {
    let mut text = String::new();
    let Preflight { clock, needed, machine, devices, rehearsal, .. } = preflight;
    let _ = writeln!(text, "Before the first write:");
    let moved = if *rehearsal { ", the rehearsal's day" } else { "" };
    let _ = writeln!(text, "  clock     {clock}{moved}");
    let _ = writeln!(text, "  archive   can be written; at most {} kB will be", needed.bytes.div_ceil(1000));
    for finding in machine {
        let what = match (&finding.waived, rehearsal) {
            (Some(reason), _) => format!("waived: {reason}"),
            (None, true) => "would stop a production ceremony".into(),
            (None, false) => "stops here".into(),
        };
        let _ = writeln!(text, "  machine   {} [{}], {what}", finding.found, finding.id);
    }
    if machine.is_empty() {
        let _ = writeln!(text, "  machine   no link up, no swap, no core dumps, memory locked");
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    for device in devices {
        table.add_row([
            device.name.to_string(),
            format!("serial {}", device.serial),
            device.model.clone(),
            device.pin.clone(),
            device.state.clone(),
        ]);
    }
    for line in table.trim_fmt().lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(text, "  device   {line}");
    }
    text.trim_end().to_string()
}
