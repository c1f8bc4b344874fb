//! A sheet as text: aligned rows, nothing wrapped, no boxes, so that paper and screen look alike.

use anstyle::{AnsiColor, Style};

use super::plain::{groups, plain};
use super::sheet::{Cell, Sheet, Table};

const TITLE: Style = Style::new().bold();
const LABEL: Style = Style::new().dimmed();
const WARNING: Style = AnsiColor::Yellow.on_default();
const FINDING: Style = AnsiColor::Yellow.on_default().bold();

/// A title line and the rows below it.
pub fn titled(title: &str, sheet: &Sheet) -> String {
    let mut out = format!("{TITLE}{}{TITLE:#}\n", plain(title));
    write_sheet(&mut out, sheet, 2);
    out
}

fn write_sheet(out: &mut String, sheet: &Sheet, indent: usize) {
    let inline = sheet.rows.iter().filter(|(_, cell)| lines(cell).is_some());
    let width = inline.map(|(label, _)| plain(label).chars().count()).max().unwrap_or(0);
    // Sheets are set apart from what follows them.
    let mut after_sheets = false;
    for (label, cell) in &sheet.rows {
        let label = plain(label);
        let sheets = matches!(cell, Cell::Sheets(_, sheets) if !sheets.is_empty());
        if after_sheets && !sheets {
            out.push('\n');
        }
        after_sheets = sheets;
        match (lines(cell), cell) {
            (Some(lines), _) => write_row(out, &label, width, &lines, indent),
            (None, Cell::Sheet(sheet)) => {
                write_heading(out, &label, indent);
                write_sheet(out, sheet, indent + 2);
            }
            (None, Cell::Sheets(one, sheets)) => write_sheets(out, one, sheets, indent),
            (None, Cell::Table(table)) => {
                write_heading(out, &label, indent);
                write_table(out, table, indent + 2);
            }
            (None, Cell::List(cells)) => {
                write_heading(out, &label, indent);
                for cell in cells {
                    write_item(out, cell, indent + 2);
                }
            }
            (None, Cell::Words(..) | Cell::Hex(_)) => {}
        }
    }
    if after_sheets && !(sheet.warnings.is_empty() && sheet.findings.is_empty()) {
        out.push('\n');
    }
    for (style, word, notes) in [(WARNING, "warning", &sheet.warnings), (FINDING, "finding", &sheet.findings)]
    {
        for note in notes {
            out.push_str(&format!("{:indent$}{style}{word}: {}{style:#}\n", "", plain(note)));
        }
    }
}

/// The lines of a cell that stands beside its label; none for one that stands below it.
fn lines(cell: &Cell) -> Option<Vec<String>> {
    match cell {
        Cell::Words(text, _) => Some(vec![plain(text)]),
        Cell::Hex(bytes) => Some(vec![groups(bytes)]),
        Cell::List(cells) => {
            let lines = cells.iter().map(lines).collect::<Option<Vec<_>>>()?.concat();
            Some(if lines.is_empty() { vec!["none".into()] } else { lines })
        }
        Cell::Sheets(_, sheets) => sheets.is_empty().then(|| vec!["none".into()]),
        Cell::Table(table) => table.lines.is_empty().then(|| vec!["none".into()]),
        Cell::Sheet(sheet) => sheet.is_empty().then(|| vec!["none".into()]),
    }
}

fn write_row(out: &mut String, label: &str, width: usize, lines: &[String], indent: usize) {
    for (n, line) in lines.iter().enumerate() {
        let label = if n == 0 { label } else { "" };
        out.push_str(&format!("{:indent$}{LABEL}{label:width$}{LABEL:#}  {line}\n", ""));
    }
}

fn write_heading(out: &mut String, label: &str, indent: usize) {
    out.push_str(&format!("{:indent$}{LABEL}{label}{LABEL:#}\n", ""));
}

/// Each with its number and how many there are, so that none is passed over.
fn write_sheets(out: &mut String, one: &str, sheets: &[Sheet], indent: usize) {
    for (n, sheet) in sheets.iter().enumerate() {
        let name = sheet.name.as_ref().map(|name| format!(": {}", plain(name))).unwrap_or_default();
        out.push_str(&format!("\n{:indent$}{TITLE}{one} {} of {}{name}{TITLE:#}\n", "", n + 1, sheets.len()));
        write_sheet(out, sheet, indent + 2);
    }
}

fn write_item(out: &mut String, cell: &Cell, indent: usize) {
    match (lines(cell), cell) {
        (Some(lines), _) => lines.iter().for_each(|line| out.push_str(&format!("{:indent$}{line}\n", ""))),
        (None, Cell::Sheet(sheet)) => write_sheet(out, sheet, indent),
        (None, Cell::Sheets(one, sheets)) => write_sheets(out, one, sheets, indent),
        (None, Cell::Table(table)) => write_table(out, table, indent),
        (None, Cell::List(cells)) => cells.iter().for_each(|cell| write_item(out, cell, indent + 2)),
        (None, Cell::Words(..) | Cell::Hex(_)) => {}
    }
}

fn write_table(out: &mut String, table: &Table, indent: usize) {
    let written: Vec<Vec<String>> = table
        .lines
        .iter()
        .map(|line| line.iter().map(|cell| lines(cell).unwrap_or_default().join(", ")).collect())
        .collect();
    let width = |n: usize, head: &str| {
        let cells = written.iter().filter_map(|line| line.get(n));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(head.chars().count())
    };
    let widths: Vec<usize> = table.columns.iter().enumerate().map(|(n, head)| width(n, head)).collect();
    let join = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let head = join(&mut table.columns.iter().copied());
    out.push_str(&format!("{:indent$}{LABEL}{head}{LABEL:#}\n", ""));
    for line in &written {
        let line = join(&mut line.iter().map(String::as_str));
        out.push_str(&format!("{:indent$}{line}\n", ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lists_sheets_and_tables() {
        let mut sheet = Sheet::default();
        sheet.text("subject", "CN=\u{1b}[31mx");
        sheet.hex("serial number", [0x4a, 0x01, 0xff]);
        sheet.row("policies", Cell::texts(["1.2.3", "1.2.4"]));
        sheet.row("urls", Cell::List(Vec::new()));
        let mut table = Table::new(&["id", "name"]);
        table.line(vec![Cell::number(7u64), Cell::text("seven")]);
        table.line(vec![Cell::number(10u64), Cell::text("ten")]);
        sheet.row("numbers", Cell::Table(table));
        let mut device = Sheet::named("root-hsm");
        device.text("serial", "1f0e");
        device.warn("a look is due");
        sheet.row("devices", Cell::Sheets("device", vec![device]));
        sheet.find("it does not verify");
        insta::assert_snapshot!(anstream::adapter::strip_str(&titled("thing: a.pem", &sheet)).to_string(), @r#"
    thing: a.pem
      subject        CN=\u{1b}[31mx
      serial number  4a01 ff
      policies       1.2.3
                     1.2.4
      urls           none
      numbers
        id  name
        7   seven
        10  ten

      device 1 of 1: root-hsm
        serial  1f0e
        warning: a look is due

      finding: it does not verify
    "#);
        insta::assert_snapshot!(format!("{:#}", serde_json::Value::Object(sheet.document())), @r#"
    {
      "devices": [
        {
          "name": "root-hsm",
          "serial": "1f0e",
          "warnings": [
            "a look is due"
          ]
        }
      ],
      "findings": [
        "it does not verify"
      ],
      "numbers": [
        {
          "id": 7,
          "name": "seven"
        },
        {
          "id": 10,
          "name": "ten"
        }
      ],
      "policies": [
        "1.2.3",
        "1.2.4"
      ],
      "serial-number": "4a01ff",
      "subject": "CN=\\u{1b}[31mx",
      "urls": []
    }
    "#);
        assert!(sheet.has_findings());
    }
}
