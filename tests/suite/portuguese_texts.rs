//! Everything that a patient or the clinic reads on WhatsApp is in `copy/pt_br.toml`
//! (`docs/rules/conversation.md#wording`).

use std::path::Path;

use super::layers::list;

/// Files whose Portuguese is not sent over WhatsApp.
const NOT_SENT: [(&str, &str); 4] = [
    ("conversation/understand/", "the words that patients write"),
    ("domain/areas.rs", "words that are skipped when areas are read"),
    ("domain/sheet/", "the header of the clinic's sheet, and the notice in its log"),
    ("domain/text_normalize.rs", "plural endings"),
];

/// Portuguese words without accents that no English text in the code contains.
const PORTUGUESE: [&str; 13] =
    ["com", "consulta", "dia", "dias", "hoje", "hora", "ou", "para", "sob", "um", "uma", "ver", "voce"];

#[test]
fn no_text_for_whatsapp_is_written_in_the_code() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates/scheduler-core/src");
    for folder in ["conversation", "app", "domain"] {
        let mut files = Vec::new();
        list(&core.join(folder), &mut files);
        for file in files {
            let path = file.strip_prefix(&core).unwrap().to_str().unwrap().to_owned();
            if NOT_SENT.iter().any(|(start, _)| path.starts_with(start)) || path.ends_with("tests.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&file).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let portuguese: Vec<&str> =
                literals(code).into_iter().filter(|text| is_portuguese(text)).collect();
            assert!(portuguese.is_empty(), "{path}: {portuguese:?}");
        }
    }
}

#[test]
fn portuguese_is_recognised() {
    for text in ["Ver opções", "sob consulta", "os próximos dias", "Total: 1 sessão agendada", "ou"] {
        assert!(is_portuguese(text), "{text}");
    }
    for text in ["could not read the clinic", "{day} {time}", "R$", "visit_committed", "…", "✔"] {
        assert!(!is_portuguese(text), "{text}");
    }
    assert_eq!(literals("// \"a\"\nlet x = f(\"b \\\" c\", '\"', r#\"d\"#);"), ["b \\\" c", "d"]);
}

fn is_portuguese(text: &str) -> bool {
    let accented = text.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    accented || words.into_iter().any(|word| PORTUGUESE.contains(&word.as_str()))
}

/// The string literals of Rust code.
fn literals(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in code.lines() {
        let mut start = None;
        let mut before = ' ';
        for (at, letter) in line.char_indices() {
            match (start, letter) {
                (None, '/') if before == '/' => break,
                (None, '"') if before != '\'' => start = Some(at + 1),
                (Some(from), '"') if before != '\\' => {
                    found.push(&line[from..at]);
                    start = None;
                }
                _ => {}
            }
            before = letter;
        }
    }
    found
}
