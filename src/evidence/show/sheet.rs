//! What is shown of a file: labels and values, written once and read twice, by people and by machines.
//!
//! The JSON document is made from the same rows as the text, so that one can't say what the other does
//! not. A row's key in the document is its label in lower case, with `-` for spaces.

use serde_json::{Map, Value, json};

use super::plain::plain;

/// Rows, and what there is to say about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// What the sheet is of, where it is one of several.
    pub(super) name: Option<String>,
    /// In order.
    pub(super) rows: Vec<(String, Cell)>,
    /// Whether the labels are a file's own words, and so are the document's keys.
    foreign: bool,
    /// What should make a reader look twice.
    pub(super) warnings: Vec<String>,
    /// What was checked and is wrong.
    pub(super) findings: Vec<String>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words, and what stands for them in the document.
    Words(String, Value),
    /// Bytes: groups of four hex digits for people, hex for machines.
    Hex(Vec<u8>),
    /// Several values, one a line.
    List(Vec<Cell>),
    /// Rows of its own.
    Sheet(Sheet),
    /// Several sheets, and what one of them is called.
    Sheets(&'static str, Vec<Sheet>),
    /// Lines of several short values.
    Table(Table),
}

/// Lines of several short values.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What each column is called.
    pub(super) columns: &'static [&'static str],
    /// As many cells a line as there are columns.
    pub(super) lines: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, lines: Vec::new() }
    }

    /// Adds a line.
    pub fn line(&mut self, cells: Vec<Cell>) {
        self.lines.push(cells);
    }
}

impl Cell {
    /// Text, from wherever: it is made plain when it is written.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Words(text.clone(), Value::String(text))
    }

    /// A number.
    pub fn number(number: impl Into<u64>) -> Self {
        let number = number.into();
        Self::Words(number.to_string(), json!(number))
    }

    /// How many there are.
    pub fn count(items: usize) -> Self {
        Self::Words(items.to_string(), json!(items))
    }

    /// Yes or no.
    pub fn flag(flag: bool) -> Self {
        Self::Words(if flag { "yes" } else { "no" }.into(), json!(flag))
    }

    /// What is not there, in words that fit.
    pub fn none(words: &str) -> Self {
        Self::Words(words.into(), Value::Null)
    }

    /// Bytes that a file writes as hex digits; as it is, where it does not.
    pub fn hex(text: &str) -> Self {
        match data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()) {
            Ok(bytes) if !bytes.is_empty() => Self::Hex(bytes),
            _ => Self::text(text),
        }
    }

    /// One text a line.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// Whatever JSON there is. Texts that no one would read aloud are told by their length in the text.
    pub fn json(value: &Value) -> Self {
        match value {
            Value::Null => Self::none("none"),
            Value::Bool(flag) => Self::flag(*flag),
            Value::Number(number) => Self::Words(number.to_string(), value.clone()),
            Value::String(text) if text.chars().count() > 200 => {
                let hash = super::ends(&crate::pki::sha256_hex(text.as_bytes()));
                Self::Words(format!("{} bytes of text, SHA-256 {hash}", text.len()), value.clone())
            }
            // A fingerprint or an identifier; a serial number stays as it stands on the device.
            Value::String(text) if text.len() >= 40 => Self::hex(text),
            Value::String(text) => Self::text(text),
            Value::Array(list) => Self::List(list.iter().map(Self::json).collect()),
            Value::Object(map) => Self::Sheet(Sheet {
                foreign: true,
                rows: map.iter().map(|(label, value)| (label.clone(), Self::json(value))).collect(),
                ..Sheet::default()
            }),
        }
    }

    /// What stands for it in the document.
    fn document(&self) -> Value {
        match self {
            Self::Words(_, value) => plain_value(value),
            Self::Hex(bytes) => Value::String(data_encoding::HEXLOWER.encode(bytes)),
            Self::List(cells) => cells.iter().map(Self::document).collect(),
            Self::Sheet(sheet) => Value::Object(sheet.document()),
            Self::Sheets(_, sheets) => sheets.iter().map(Sheet::document).map(Value::Object).collect(),
            Self::Table(table) => table.lines.iter().map(|line| table.object(line)).collect(),
        }
    }

    fn has_findings(&self) -> bool {
        match self {
            Self::Words(..) | Self::Hex(_) => false,
            Self::List(cells) => cells.iter().any(Self::has_findings),
            Self::Sheet(sheet) => sheet.has_findings(),
            Self::Sheets(_, sheets) => sheets.iter().any(Sheet::has_findings),
            Self::Table(table) => table.lines.iter().flatten().any(Self::has_findings),
        }
    }
}

impl Table {
    fn object(&self, line: &[Cell]) -> Value {
        self.columns.iter().zip(line).map(|(column, cell)| (key(column), cell.document())).collect()
    }
}

impl Sheet {
    /// A sheet that is one of several.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// Adds a row.
    pub fn row(&mut self, label: &str, cell: Cell) {
        self.rows.push((label.into(), cell));
    }

    /// Adds a row before all others.
    pub fn first(&mut self, label: &str, cell: Cell) {
        self.rows.insert(0, (label.into(), cell));
    }

    /// Adds a row of text.
    pub fn text(&mut self, label: &str, text: impl Into<String>) {
        self.row(label, Cell::text(text));
    }

    /// Adds a row of bytes.
    pub fn hex(&mut self, label: &str, bytes: impl Into<Vec<u8>>) {
        self.row(label, Cell::Hex(bytes.into()));
    }

    /// Adds the SHA-256 of some bytes.
    pub fn sha256(&mut self, label: &str, bytes: &[u8]) {
        self.row(label, Cell::hex(&crate::pki::sha256_hex(bytes)));
    }

    /// Says what should make a reader look twice.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Says what was checked and is wrong.
    pub fn find(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    /// Whether anything in it was checked and is wrong.
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty() || self.rows.iter().any(|(_, cell)| cell.has_findings())
    }

    /// Whether there is nothing on it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.warnings.is_empty() && self.findings.is_empty()
    }

    /// The sheet as a JSON object.
    pub fn document(&self) -> Map<String, Value> {
        let mut map = Map::new();
        if let Some(name) = &self.name {
            map.insert("name".into(), Value::String(plain(name)));
        }
        for (label, cell) in &self.rows {
            let key = if self.foreign { plain(label) } else { key(label) };
            map.insert(key, cell.document());
        }
        for (key, notes) in [("warnings", &self.warnings), ("findings", &self.findings)] {
            if !notes.is_empty() {
                map.insert(key.into(), notes.iter().map(|note| plain(note)).collect());
            }
        }
        map
    }
}

fn key(label: &str) -> String {
    plain(label).replace(' ', "-").to_lowercase()
}

/// A document is printed on terminals too.
fn plain_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(text)),
        Value::Array(list) => list.iter().map(plain_value).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (plain(key), plain_value(value))).collect(),
        other => other.clone(),
    }
}
