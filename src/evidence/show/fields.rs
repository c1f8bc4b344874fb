//! The fields of a JSON object, taken one by one, so that what nobody took can be named.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::sheet::{Cell, Sheet};

/// A JSON object that is being read.
pub struct Fields<'a> {
    map: Option<&'a Map<String, Value>>,
    taken: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins to read; whatever is not an object has no fields.
    pub fn of(value: Option<&'a Value>) -> Self {
        Self { map: value.and_then(Value::as_object), taken: Vec::new() }
    }

    /// A field's value.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.taken.push(key);
        self.map?.get(key)
    }

    /// A field's value as a cell.
    pub fn cell(&mut self, key: &'static str) -> Cell {
        self.take(key).map_or_else(|| Cell::none("absent"), Cell::json)
    }

    /// A field that is hex digits.
    pub fn hex(&mut self, key: &'static str) -> Cell {
        match self.take(key) {
            Some(Value::String(text)) => Cell::hex(text),
            other => other.map_or_else(|| Cell::none("absent"), Cell::json),
        }
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.take(key)?.as_str()
    }

    /// The bytes of a field in base64, or what is wrong with it.
    pub fn bytes(&mut self, key: &'static str) -> Result<Vec<u8>, String> {
        let text = self.text(key).ok_or_else(|| format!("{key} is absent or not a text"))?;
        BASE64.decode(text.as_bytes()).map_err(|error| format!("{key} is not base64: {error}"))
    }

    /// A field's list; empty where there is none.
    pub fn list(&mut self, key: &'static str) -> &'a [Value] {
        self.take(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// An object inside.
    pub fn inside(&mut self, key: &'static str) -> Fields<'a> {
        Fields::of(self.take(key))
    }

    /// The names and values of an object inside.
    pub fn entries(&mut self, key: &'static str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.take(key).and_then(Value::as_object).into_iter().flatten()
    }

    /// Shows the fields that were not taken, so that none goes unseen.
    pub fn rest(self, sheet: &mut Sheet) {
        let Some(map) = self.map else {
            return sheet.warn("expected a JSON object here");
        };
        let others: Map<String, Value> = map
            .iter()
            .filter(|(key, _)| !self.taken.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !others.is_empty() {
            sheet.row("other fields", Cell::json(&Value::Object(others)));
        }
    }
}
