//! Placeholders in a text: `{{name}}`.

/// Replaces the placeholders of `template` in one pass, so that placeholders inside a value stay as text.
/// A line whose placeholders are all empty is left out. If only some are empty, trailing separators are
/// removed from the line.
pub(super) fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut text = String::with_capacity(template.len());
    for line in template.lines() {
        let (mut filled, mut rest, mut placeholders, mut empty) = (String::new(), line, 0, 0);
        while let Some((before, name, after)) = next_placeholder(rest) {
            filled.push_str(before);
            let found = value(name).unwrap_or_default().trim();
            filled.push_str(found);
            placeholders += 1;
            empty += usize::from(found.is_empty());
            rest = after;
        }
        filled.push_str(rest);
        if placeholders > 0 && placeholders == empty {
            continue;
        }
        let kept = if empty > 0 {
            filled.trim_end_matches([' ', '-', '–', ':', ',', '|'])
        } else {
            filled.trim_end()
        };
        text.push_str(kept);
        text.push('\n');
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text.trim().to_owned()
}

/// Splits a text at its first placeholder: the text before it, its name, the text after it.
pub(super) fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}
