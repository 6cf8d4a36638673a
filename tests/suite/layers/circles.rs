//! No file imports itself through others: neither in Rust nor on the page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::{paths, test_files};
use super::{list, module_of, resolve};

/// The files that each file imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_rust_file_imports_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in ["src", "crates/scheduler-core/src", "crates/scheduler-local/src"] {
        let mut files = Vec::new();
        list(&root.join(folder), &mut files);
        let sources: BTreeMap<String, String> = files
            .iter()
            .map(|file| {
                let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                (path, std::fs::read_to_string(file).unwrap())
            })
            .collect();
        assert!(sources.len() > 10, "{folder} has moved");
        assert_eq!(circle(&rust_imports(&sources)), None, "{folder}");
    }
}

#[test]
fn no_module_of_the_page_imports_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates/scheduler-local/page");
    let mut imports = Imports::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "js") {
                let source = std::fs::read_to_string(&path).unwrap();
                let imported = source.split(" from \"").skip(1).filter_map(|rest| {
                    let file = path.parent()?.join(rest.split('"').next()?);
                    Some(file.canonicalize().ok()?.to_str()?.to_owned())
                });
                imports.insert(path.canonicalize().unwrap().to_str().unwrap().to_owned(), imported.collect());
            }
        }
    }
    assert!(imports.len() > 10, "the page has moved");
    assert_eq!(circle(&imports), None);
}

#[test]
fn a_circle_is_found() {
    let sources = |third: &str| {
        BTreeMap::from([
            ("src/a.rs".to_owned(), "use crate::b::c::C;".to_owned()),
            ("src/b/mod.rs".to_owned(), "pub mod c;\npub use c::C;".to_owned()),
            ("src/b/c.rs".to_owned(), third.to_owned()),
        ])
    };
    let find = |third: &str| circle(&rust_imports(&sources(third)));
    assert_eq!(find("use std::fmt;"), None);
    assert_eq!(find("use crate::a::A;"), Some(vec!["src/a.rs".into(), "src/b/c.rs".into()]));
    assert_eq!(find("use super::B;"), Some(vec!["src/b/c.rs".into(), "src/b/mod.rs".into()]));
    assert_eq!(find("fn f() { crate::a::f() }"), Some(vec!["src/a.rs".into(), "src/b/c.rs".into()]));
    assert_eq!(find("#[cfg(test)]\nmod tests { use crate::a::A; }"), None);
}

fn rust_imports(sources: &BTreeMap<String, String>) -> Imports {
    let modules: BTreeMap<Vec<String>, &String> =
        sources.keys().map(|path| (module_of(path), path)).collect();
    let for_tests: BTreeSet<String> =
        sources.iter().flat_map(|(path, source)| test_files(path, source)).collect();
    let imports_of = |path: &String, source: &String| {
        let module = module_of(path);
        let file_of = |written: Vec<String>| {
            let first = written.first()?.clone();
            let child = [module.clone(), vec![first.clone()]].concat();
            let full = match first.as_str() {
                "crate" | "self" | "super" => resolve(&module, &written),
                _ if modules.contains_key(&child) => [module.clone(), written].concat(),
                _ => return None,
            };
            (1..=full.len()).rev().find_map(|length| modules.get(&full[..length])).map(|file| (*file).clone())
        };
        let written = paths(source);
        written.into_iter().filter_map(file_of).filter(|file| file != path).collect()
    };
    sources
        .iter()
        .filter(|(path, _)| !for_tests.contains(*path))
        .map(|(path, source)| (path.clone(), imports_of(path, source)))
        .collect()
}

/// The files of a circle, sorted, if there is one.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    let reachable = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = imports.get(from).into_iter().flatten().collect();
        while let Some(file) = next.pop() {
            if seen.insert(file) {
                next.extend(imports.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|file| (file, reachable(file))).collect();
    let (start, _) = reached.iter().find(|(file, reached)| reached.contains(*file))?;
    let members =
        reached.iter().filter(|(file, from)| reached[start].contains(*file) && from.contains(start));
    Some(members.map(|(file, _)| (*file).clone()).collect())
}
