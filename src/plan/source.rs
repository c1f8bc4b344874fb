//! The text of a plan or site file, and faults with their place in it.

use std::fmt;
use std::ops::{Deref, Range};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A text file as a person wrote it: its name for messages, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as it was given on the command line.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Wraps a text that was read from `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads the text as TOML into `T`; a fault names line, column and the nearest known name.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Faults> {
        toml::from_str(&self.text).map_err(|error| {
            let (found, help) = explain(error.message());
            self.faults(vec![Fault { place: error.span(), found, help }])
        })
    }

    /// Binds faults to this file.
    pub fn faults(&self, mut list: Vec<Fault>) -> Faults {
        list.sort_by_key(|fault| fault.place.as_ref().map_or(0, |place| place.start));
        Faults { file: self.clone(), list }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The bytes of the text that are at fault; none where something is missing from the whole.
    pub place: Option<Range<usize>>,
    /// What was found, against what was expected.
    pub found: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Fault {
    /// A fault at a value that was read from the file.
    pub fn at<T>(value: &At<T>, found: impl Into<String>) -> Self {
        Self { place: Some(value.place()), found: found.into(), help: None }
    }

    /// A fault of the file as a whole.
    pub fn whole(found: impl Into<String>) -> Self {
        Self { place: None, found: found.into(), help: None }
    }

    /// Adds what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All faults of one file. Its `Display` shows each with its line, column and the line itself.
#[derive(Clone, Debug)]
pub struct Faults {
    file: Source,
    /// In order of their place.
    pub list: Vec<Fault>,
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.list.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            let Some(place) = &fault.place else {
                write!(f, "{}: {}", self.file.name, fault.found)?;
                if let Some(help) = &fault.help {
                    write!(f, "\n  {help}")?;
                }
                continue;
            };
            let before = self.file.text.get(..place.start).unwrap_or(&self.file.text);
            let line = before.matches('\n').count() + 1;
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let column = before.get(start..).unwrap_or("").chars().count() + 1;
            let shown = self.file.text.lines().nth(line - 1).unwrap_or("");
            let left = shown.chars().count().saturating_sub(column - 1).max(1);
            let width = place.len().clamp(1, left);
            let gutter = line.to_string().len();
            writeln!(f, "{}:{line}:{column}: {}", self.file.name, fault.found)?;
            // A person may have written a PIN where its source belongs.
            if shown.contains("pin") {
                write!(f, "{line} | (not shown: it may hold a secret)")?;
                continue;
            }
            writeln!(f, "{line} | {shown}")?;
            write!(f, "{:gutter$} | {:pad$}{}", "", "", "^".repeat(width), pad = column - 1)?;
            if let Some(help) = &fault.help {
                write!(f, "\n  {help}")?;
            }
        }
        Ok(())
    }
}

/// A value with its place in the file that it was read from. Equality is the value's alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct At<T>(toml::Spanned<T>);

impl<T> At<T> {
    /// A value that the file leaves out.
    pub fn absent(value: T) -> Self {
        Self(toml::Spanned::new(0..0, value))
    }

    /// The bytes of the file that the value was written in.
    pub fn place(&self) -> Range<usize> {
        self.0.span()
    }

    /// The value, to be changed in place.
    pub fn value_mut(&mut self) -> &mut T {
        self.0.as_mut()
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get_ref() == other.0.get_ref()
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.get_ref().serialize(to)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// Turns serde's message into ours: the nearest known name first, then all of them.
fn explain(message: &str) -> (String, Option<String>) {
    for what in ["field", "variant"] {
        let Some(rest) = message.strip_prefix(&format!("unknown {what} ")) else { continue };
        let names: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        let Some((unknown, known)) = names.split_first() else { continue };
        let word = if what == "field" { "field" } else { "value" };
        let found = format!("unknown {word} `{unknown}`");
        if known.is_empty() {
            return (found, Some(format!("no {word} is expected here")));
        }
        let all = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let help = match nearest(unknown, known) {
            Some(name) => format!("did you mean `{name}`? known here: {all}"),
            None => format!("known here: {all}"),
        };
        return (found, Some(help));
    }
    // serde names Rust's types.
    let number = [", expected u32", ", expected u64", ", expected i64"]
        .iter()
        .find_map(|end| message.strip_suffix(end));
    match number {
        Some(start) => (format!("{start}, expected a whole number"), None),
        None => (message.to_string(), None),
    }
}

/// The known name that is most like `unknown`, if one is alike at all.
pub fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(unknown, name), *name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    #[allow(dead_code)]
    struct Thing {
        common_name: At<String>,
        size: Option<u8>,
    }

    #[test]
    fn a_fault_names_line_column_and_the_nearest_name() {
        let source = Source::new("a.toml", "# first\ncommon-nmae = \"x\"\n");
        let shown = source.parse::<Thing>().unwrap_err().to_string();
        assert!(shown.starts_with("a.toml:2:1: unknown field `common-nmae`"), "{shown}");
        assert!(shown.contains("did you mean `common-name`?"), "{shown}");
    }

    #[test]
    fn a_value_knows_its_place() {
        let source = Source::new("a.toml", "size = 1\ncommon-name = \"x\"\n");
        let thing: Thing = source.parse().unwrap();
        assert_eq!(source.text.get(thing.common_name.place()), Some("\"x\""));
    }

    #[test]
    fn a_place_beyond_the_text_does_not_panic() {
        let source = Source::new("a.toml", "é");
        let fault = Fault { place: Some(1..900), found: "x".into(), help: None };
        assert!(source.faults(vec![fault]).to_string().contains("a.toml:1:"));
    }
}
