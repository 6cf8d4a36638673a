//! Reads the paths in Rust source.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Every path in the code: the leaves of `use` trees, and paths written out elsewhere. Test modules are left out.
pub(super) fn paths(source: &str) -> Vec<Vec<String>> {
    let words = words(source);
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

/// Reads one branch of a `use` tree. Returns the index after its last word.
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

/// The names and punctuation of the code, with `::` as one word. Comments and literals are left out, and so
/// is `#[cfg(test)] mod tests { … }`, the last item of a file.
fn words(source: &str) -> Vec<String> {
    let mut words = Vec::new();
    push_words(source.parse().expect("Rust source"), &mut words);
    let test_module = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let start = words.windows(test_module.len() + 2).position(|window| {
        window[..test_module.len()] == test_module && window[test_module.len() + 1] == "{"
    });
    words.truncate(start.unwrap_or(words.len()));
    words
}

fn push_words(tokens: TokenStream, words: &mut Vec<String>) {
    let mut after_colon = false;
    for token in tokens {
        let joins = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == ':');
        match token {
            TokenTree::Ident(name) => words.push(name.to_string()),
            TokenTree::Punct(mark) if joins && after_colon => {
                words.pop();
                words.push(format!(":{}", mark.as_char()));
            }
            TokenTree::Punct(mark) => words.push(mark.to_string()),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                words.push(open.to_owned());
                push_words(group.stream(), words);
                words.push(close.to_owned());
            }
            TokenTree::Literal(_) => {}
        }
        after_colon = joins && !after_colon;
    }
}

/// Files of `#[cfg(test)] mod name;`: test code, which may use any module.
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
