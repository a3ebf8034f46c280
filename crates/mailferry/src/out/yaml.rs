//! JSON values as YAML: block style, strings quoted as JSON does wherever plain text could be misread.

use serde_json::Value;

/// A document.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => node(value, 0, &mut text),
        Value::Array(items) if !items.is_empty() => node(value, 0, &mut text),
        other => text.push_str(&format!("{}\n", scalar(other))),
    }
    text
}

fn node(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                text.push_str(&format!("{indent}{}:", string(name)));
                below(inner, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for inner in items {
                text.push_str(&format!("{indent}-"));
                below(inner, depth + 1, text);
            }
        }
        other => text.push_str(&format!("{indent}{}\n", scalar(other))),
    }
}

fn below(inner: &Value, depth: usize, text: &mut String) {
    let is_block = matches!(inner, Value::Object(f) if !f.is_empty())
        || matches!(inner, Value::Array(i) if !i.is_empty());
    match is_block {
        true => {
            text.push('\n');
            node(inner, depth, text);
        }
        false => text.push_str(&format!(" {}\n", scalar(inner))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        other => other.to_string(),
    }
}

fn string(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./@".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    match plain {
        true => text.to_owned(),
        false => serde_json::to_string(text).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn blocks_and_quotes() {
        let value = json!({"a": [1, {"b": "no"}], "c": {}, "d: e": "x y", "f": null, "g": ["h"]});
        insta::assert_snapshot!(super::write(&value), @r#"
        a:
          - 1
          -
            b: "no"
        c: {}
        "d: e": "x y"
        f: null
        g:
          - h
        "#);
    }
}
