//! Canonical JSON, written anew here: RFC 8785 for the journal, OLPC's for TUF. What was hashed or signed
//! was written by other code.

use serde_json::{Map, Value};

/// The largest whole number that every JSON reader takes for itself (RFC 7493, 2.2).
const LARGEST: u64 = 1 << 53;

/// How a form differs from the other.
#[derive(Clone, Copy)]
enum Form {
    /// RFC 8785: names in the order of their UTF-16 units, control characters escaped (3.2.2.2, 3.2.3).
    Rfc8785,
    /// OLPC: names in the order of their code points, quotes and backslashes escaped and nothing else.
    Olpc,
}

/// RFC 8785. Numbers with a fraction, which no event has, are an error.
pub fn rfc8785(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    write(value, Form::Rfc8785, &mut out)?;
    Ok(out)
}

/// OLPC's form, over which TUF signs and which key ids are hashes of. It knows no fractions either. Texts
/// are left as they are, as python-tuf does: where Unicode knows two ways to write one, clients differ.
pub fn olpc(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    write(value, Form::Olpc, &mut out)?;
    Ok(out.into_bytes())
}

fn write(value: &Value, form: Form, out: &mut String) -> Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let whole = number.as_i64().is_some() || number.as_u64().is_some();
            let size = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
            if !whole || size.is_none_or(|size| size > LARGEST) {
                return Err(format!("the number {number} has no canonical form here"));
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => string(text, form, out),
        Value::Array(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(value, form, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => object(map, form, out)?,
    }
    Ok(())
}

fn object(map: &Map<String, Value>, form: Form, out: &mut String) -> Result<(), String> {
    let mut fields: Vec<(&String, &Value)> = map.iter().collect();
    match form {
        Form::Rfc8785 => fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16())),
        Form::Olpc => fields.sort_by(|(a, _), (b, _)| a.chars().cmp(b.chars())),
    }
    out.push('{');
    for (at, (name, value)) in fields.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        string(name, form, out);
        out.push(':');
        write(value, form, out)?;
    }
    out.push('}');
    Ok(())
}

fn string(text: &str, form: Form, out: &mut String) {
    let escaped = |byte: u8| match form {
        Form::Rfc8785 => matches!(byte, b'"' | b'\\' | 0..=0x1f),
        Form::Olpc => matches!(byte, b'"' | b'\\'),
    };
    out.push('"');
    // Most texts are whole files, and have next to nothing to escape.
    let mut rest = text;
    while let Some(at) = rest.bytes().position(escaped) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut letters = from.chars();
        match letters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some(letter) => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            None => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    fn samples() -> Vec<Value> {
        let controls: String = (0..0x30).filter_map(char::from_u32).collect();
        vec![
            json!(null),
            json!([true, false, 0, -1, 9_007_199_254_740_992_u64, "", "a\"\\b"]),
            // RFC 8785, 3.2.3: the order of UTF-16 is not that of code points.
            json!({"\u{20ac}": 1, "\r": 2, "\u{ffee}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7}),
            json!({"b": {"y": [], "x": {}}, "a": controls, "\u{7f}": "\u{e9}\u{1f600}"}),
        ]
    }

    #[test]
    fn both_forms_are_those_of_the_other_implementations() {
        for value in samples() {
            assert_eq!(rfc8785(&value).unwrap(), serde_json_canonicalizer::to_string(&value).unwrap());
            let mut other = Vec::new();
            let formatter = olpc_cjson::CanonicalFormatter::new();
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut other, formatter)).unwrap();
            assert_eq!(String::from_utf8(olpc(&value).unwrap()), String::from_utf8(other), "{value}");
        }
    }

    #[test]
    fn numbers_that_readers_understand_differently_are_refused() {
        for value in [json!(1.5), json!(1e300), json!(u64::MAX), json!([i64::MIN])] {
            assert!(rfc8785(&value).is_err() && olpc(&value).is_err(), "{value}");
        }
    }
}
