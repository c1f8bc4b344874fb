//! OLPC's canonical JSON, over which TUF's signatures and key ids are made.

use olpc_cjson::CanonicalFormatter;
use serde::Serialize;
use serde_json::Serializer;

/// The canonical form: keys sorted, no spaces, strings as they are but for `"` and `\`. A line feed in a
/// PEM key stands there as such, so that the result is not always JSON. Numbers with a fraction have no
/// canonical form and are an error.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, CanonicalFormatter::new()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sorted_tight_and_unescaped() {
        let value = json!({"b": [1, true, null], "a": "line\nfeed \"quoted\" \\ é", "aa": {}});
        let expected = "{\"a\":\"line\nfeed \\\"quoted\\\" \\\\ é\",\"aa\":{},\"b\":[1,true,null]}";
        assert_eq!(canonical(&value).unwrap(), expected.as_bytes());
        assert!(canonical(&json!({"version": 1.5})).is_err());
    }
}
