//! Makes JSON readable whose strings hold what JSON does not allow: lone surrogates, unknown escapes, bytes
//! that are not UTF-8. A webhook with such a text is a message of a person, who would otherwise get no
//! answer.

use std::iter::Peekable;
use std::str::Chars;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// The same JSON with U+FFFD in place of each part of a string that is not allowed. Control characters in
/// strings are escaped. What is wrong outside strings stays as it is.
pub(crate) fn repair_strings(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                in_string = !in_string;
                repaired.push(c);
            }
            '\\' if in_string => push_escape(&mut rest, &mut repaired),
            c if in_string && c < ' ' => repaired.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => repaired.push(c),
        }
    }
    repaired
}

/// Reads the part of an escape after its backslash. Adds the escape, or U+FFFD.
fn push_escape(rest: &mut Peekable<Chars<'_>>, repaired: &mut String) {
    match rest.next() {
        Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => {
            repaired.push('\\');
            repaired.push(c);
        }
        Some('u') => push_unicode_escape(rest, repaired),
        Some(_) => repaired.push(REPLACEMENT),
        // The text ends in the middle of the string, so nothing makes it JSON.
        None => {}
    }
}

/// Reads the part of an escape after `\u`, and the second half of a surrogate pair.
fn push_unicode_escape(rest: &mut Peekable<Chars<'_>>, repaired: &mut String) {
    let Some(unit) = take_code_unit(rest) else {
        repaired.push(REPLACEMENT);
        return;
    };
    let second = if is_high_surrogate(unit) { take_low_surrogate(rest) } else { None };
    let units = std::iter::once(unit).chain(second);
    match char::decode_utf16(units.clone()).next() {
        Some(Ok(_)) => units.for_each(|unit| repaired.push_str(&format!("\\u{unit:04x}"))),
        _ => repaired.push(REPLACEMENT),
    }
}

/// Four hexadecimal digits. If there are fewer, nothing is taken.
fn take_code_unit(rest: &mut Peekable<Chars<'_>>) -> Option<u16> {
    let digits: String = rest.clone().take(4).collect();
    let all_digits = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| all_digits)?;
    rest.nth(3);
    Some(unit)
}

/// An escaped second half of a surrogate pair. If something else follows, nothing is taken.
fn take_low_surrogate(rest: &mut Peekable<Chars<'_>>) -> Option<u16> {
    let mut ahead = rest.clone();
    ahead.next_if_eq(&'\\')?;
    ahead.next_if_eq(&'u')?;
    let unit = take_code_unit(&mut ahead).filter(|unit| (0xdc00..=0xdfff).contains(unit))?;
    *rest = ahead;
    Some(unit)
}

fn is_high_surrogate(unit: u16) -> bool {
    (0xd800..=0xdbff).contains(&unit)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(bytes: &[u8]) -> Option<Value> {
        serde_json::from_str(&repair_strings(bytes)).ok()
    }

    #[test]
    fn what_json_does_not_allow_in_a_string_is_replaced() {
        let check = |text: &str, expected: &str| {
            assert_eq!(read(text.as_bytes()), Some(json!({ "message": expected })), "{text}");
        };
        check(r#"{"message": "Ol\u00e1 \ud83d\ude42"}"#, "Olá 🙂");
        check(r#"{"message": "a \ud83d b"}"#, "a \u{fffd} b");
        check(r#"{"message": "a \ude42 b"}"#, "a \u{fffd} b");
        check(r#"{"message": "\ude42\ud83d"}"#, "\u{fffd}\u{fffd}");
        check(r#"{"message": "\ud83d\ud83d\ude42"}"#, "\u{fffd}🙂");
        check(r#"{"message": "\ud83d\n"}"#, "\u{fffd}\n");
        check(r#"{"message": "\ud83d"}"#, "\u{fffd}");
        check(r#"{"message": "\ud83d\u00e1"}"#, "\u{fffd}á");
        check(r#"{"message": "50\% C:\dir"}"#, "50\u{fffd} C:\u{fffd}ir");
        check(r#"{"message": "\u12G4 \u"}"#, "\u{fffd}12G4 \u{fffd}");
        check(r#"{"message": "\u+123"}"#, "\u{fffd}+123");
        check(r#"{"message": "\" \\ \/ \b\f\n\r\t \u0022"}"#, "\" \\ / \u{8}\u{c}\n\r\t \"");
        check(r#"{"message": "\\ud83d"}"#, r"\ud83d");
        check("{\"message\": \"a\nb\tc\"}", "a\nb\tc");
        let not_utf8 = [b"{\"message\": \"a\xed\xa0\x80b\xff\"}".as_slice()].concat();
        let replaced = read(&not_utf8).and_then(|read| read["message"].as_str().map(str::to_owned));
        assert_eq!(replaced.map(|text| text.replace('\u{fffd}', "")).as_deref(), Some("ab"));
    }

    #[test]
    fn what_is_wrong_outside_strings_stays_wrong() {
        for text in
            [r"{\u0022a\u0022: 1}", r#"{"a": \ud800}"#, r#"{"a": "b"#, r#"{"a": "b\"#, r#"{"a": "b\ud8"#, ""]
        {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        for json in [
            json!({ "a": ["\u{0}", "\u{7f}", "\u{2028}", "🙂", "\\u0041", "\"", "á"], "b\n\"\\": { "c": 1.5e3 } }),
            json!("\u{10ffff}\u{d7ff}\u{e000}"),
            json!(null),
        ] {
            assert_eq!(read(json.to_string().as_bytes()), Some(json.clone()));
            assert_eq!(read(serde_json::to_string_pretty(&json).expect("JSON").as_bytes()), Some(json));
        }
    }
}
