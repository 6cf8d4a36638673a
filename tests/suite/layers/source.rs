//! Reads the paths in Rust source: the leaves of `use` trees, and what is written out elsewhere.

/// Every path in the code: the leaves of `use` trees, and what is written out elsewhere.
pub(super) fn paths(code: &str) -> Vec<Vec<String>> {
    let words = words(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at] == "use" {
            at = tree(&words, at + 1, &[], &mut found);
            continue;
        }
        let mut path = Vec::new();
        while is_name(&words[at]) {
            path.push(words[at].clone());
            if words.get(at + 1).is_none_or(|next| next != "::")
                || words.get(at + 2).is_none_or(|it| !is_name(it))
            {
                break;
            }
            at += 2;
        }
        if path.len() > 1 {
            found.push(path);
        }
        at += 1;
    }
    found
}

/// Reads one branch of a `use` tree; answers where it ends.
fn tree(words: &[String], mut at: usize, stem: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = stem.to_vec();
    while at < words.len() {
        match words[at].as_str() {
            "{" => {
                at += 1;
                while words.get(at).is_some_and(|word| word != "}") {
                    at = tree(words, at, &path, found);
                    if words.get(at).is_some_and(|word| word == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 1,
            "," | ";" | "}" => break,
            "self" if !path.is_empty() => {}
            word if is_name(word) && (at == 0 || words[at - 1] != "as") => path.push(word.to_owned()),
            _ => {}
        }
        at += 1;
    }
    if !path.is_empty() {
        found.push(path);
    }
    at
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn words(code: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = code.chars().peekable();
    while let Some(first) = rest.next() {
        if first.is_alphanumeric() || first == '_' {
            let mut word = first.to_string();
            while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                word.push(next);
            }
            words.push(word);
        } else if first == ':' && rest.next_if_eq(&':').is_some() {
            words.push("::".to_owned());
        } else if !first.is_whitespace() {
            words.push(first.to_string());
        }
    }
    words
}

/// The source without comments and without what stands in quotes.
pub(super) fn code(source: &str) -> String {
    let mut code = String::new();
    for line in source.lines() {
        let mut quoted = false;
        let mut before = ' ';
        for (at, letter) in line.char_indices() {
            if !quoted && line[at..].starts_with("//") {
                break;
            }
            if letter == '"' && before != '\\' && before != '\'' {
                quoted = !quoted;
            } else if !quoted {
                code.push(letter);
            }
            before = letter;
        }
        code.push('\n');
    }
    code
}

/// The code without `#[cfg(test)] mod tests { … }`, which stands last in a file.
pub(super) fn without_tests(code: &str) -> String {
    let start = code.find("#[cfg(test)]").filter(|start| {
        let module = code[*start..].lines().nth(1).unwrap_or_default();
        module.trim_start().starts_with("mod ") && module.contains('{')
    });
    start.map_or(code, |start| &code[..start]).to_owned()
}

/// Files of `#[cfg(test)] mod name;`: they are the tests' and may use what they like.
pub(super) fn test_files(path: &str, source: &str) -> Vec<String> {
    let folder = match path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix("/lib.rs")) {
        Some(folder) => folder.to_owned(),
        None => path.trim_end_matches(".rs").to_owned(),
    };
    let modules = source.split("#[cfg(test)]").skip(1).filter_map(|after| {
        let line = after.trim_start().lines().next()?;
        line.trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
    });
    modules.map(|module| format!("{folder}/{module}.rs")).collect()
}
