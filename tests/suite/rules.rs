//! The rules in `docs/rules/` that code, tests and tools cite exist, and nothing cites anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Folders and files that may cite a rule.
const CITING: [&str; 9] =
    ["src", "crates", "tests", "migrations", "sls", ".ci", "docs", "ARCHITECTURE.md", "CONTRIBUTING.md"];

#[test]
fn every_cited_rule_exists() {
    let anchors = anchors();
    let mut cited = 0;
    for (path, text) in texts() {
        for (page, anchor) in citations(&text) {
            let known = anchors.get(&page).is_some_and(|anchors| anchors.contains(&anchor));
            assert!(known, "{path} cites docs/rules/{page}.md#{anchor}");
            cited += 1;
        }
    }
    assert!(cited > 50, "only {cited} citations: they are written in another way");
}

#[test]
fn no_file_cites_a_paper_that_a_clone_does_not_have() {
    for (path, text) in texts() {
        for paper in ["contract", "product", "quality", "house"] {
            let numbered = text.match_indices(paper).find(|(at, _)| {
                let after = text[at + paper.len()..].strip_prefix(' ').unwrap_or_default();
                after.starts_with(|c: char| c.is_ascii_digit())
            });
            assert_eq!(numbered, None, "{path}");
        }
    }
}

#[test]
fn a_citation_is_its_page_and_its_anchor() {
    let page = "docs/rules";
    let text = format!("see {page}/data.md#phones, and ({page}/api.md#keys).\n[x](rules/data.md#phones)");
    let expected = [("data", "phones"), ("api", "keys")];
    assert_eq!(citations(&text), expected.map(|(page, anchor)| (page.to_owned(), anchor.to_owned())));
    assert_eq!(slug("What a *job* does, and `when`"), "what-a-job-does-and-when");
}

/// The headings of each page, as GitHub's anchors.
fn anchors() -> BTreeMap<String, BTreeSet<String>> {
    let folder = root().join("docs/rules");
    let pages = std::fs::read_dir(folder).unwrap().map(|page| page.unwrap().path());
    pages
        .map(|page| {
            let text = std::fs::read_to_string(&page).unwrap();
            let headings = text.lines().filter(|line| line.starts_with('#'));
            let slugs = headings.map(|heading| slug(heading.trim_start_matches('#').trim())).collect();
            (page.file_stem().unwrap().to_str().unwrap().to_owned(), slugs)
        })
        .collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn citations(text: &str) -> Vec<(String, String)> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let cited = text.split("docs/rules/").skip(1).filter_map(|rest| {
        let (page, anchor) = rest.split_once(".md#")?;
        let anchor = anchor.split(ends).next()?;
        (!page.contains(ends)).then(|| (page.to_owned(), anchor.to_owned()))
    });
    cited.filter(|(_, anchor)| !anchor.is_empty()).collect()
}

/// Every text file that may cite a rule, but this one.
fn texts() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = CITING.iter().map(|name| root().join(name)).collect();
    let mut texts = Vec::new();
    while let Some(path) = files.pop() {
        if path.ends_with("node_modules") || path.ends_with("tests/suite/rules.rs") {
            continue;
        }
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            texts.push((path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text));
        }
    }
    texts
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
