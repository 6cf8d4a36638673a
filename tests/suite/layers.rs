//! Which module may use which: compares the imports of every file with the table in `ARCHITECTURE.md`, and
//! finds import circles.

mod circles;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use source::{paths, test_files};

/// Crates that are plain computation: no I/O, no runtime.
const PURE: &[&str] =
    &["chrono", "chrono_tz", "schemars", "serde", "thiserror", "unicode_normalization", "uuid"];

/// Crates that reach other systems. Only adapters use them.
const IO: &[&str] = &[
    "aws_config",
    "aws_sdk_dynamodb",
    "aws_sigv4",
    "aws_smithy_http_client",
    "google_sheets4",
    "http_body_util",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "serde_dynamo",
    "sqlx",
    "tokio_rustls",
    "webpki_roots",
    "yup_oauth2",
];

/// HTTP types. Only functions and servers use them.
const HTTP: &[&str] = &["axum", "http", "lambda_http", "lambda_runtime"];

/// A row of the table.
struct Layer {
    /// Folder of its files, from the project's root.
    at: &'static str,
    /// Modules of `scheduler-core` it may use besides itself.
    modules: Modules,
    /// Crates it may use.
    crates: Crates,
}

enum Modules {
    All,
    Only(&'static [&'static str]),
}

enum Crates {
    Only(&'static [&'static [&'static str]]),
    AllBut(&'static [&'static [&'static str]]),
}

/// The table. A file belongs to the first layer whose folder contains it.
const LAYERS: &[Layer] = &[
    Layer {
        at: "crates/scheduler-core/src/domain/",
        modules: Modules::Only(&[]),
        crates: Crates::Only(&[PURE]),
    },
    Layer {
        at: "crates/scheduler-core/src/availability/",
        modules: Modules::Only(&["domain"]),
        crates: Crates::Only(&[PURE]),
    },
    Layer {
        at: "crates/scheduler-core/src/conversation/",
        modules: Modules::Only(&["domain"]),
        crates: Crates::Only(&[PURE, &["serde_json", "toml"]]),
    },
    Layer {
        at: "crates/scheduler-core/src/ports/",
        modules: Modules::Only(&["domain"]),
        crates: Crates::Only(&[PURE, &["async_trait", "serde_json"]]),
    },
    Layer {
        at: "crates/scheduler-core/src/adapters/",
        modules: Modules::Only(&[
            "availability",
            "call_stats",
            "config",
            "conversation::machine::state",
            "digest",
            "domain",
            "error",
            "failpoints",
            "ports",
        ]),
        crates: Crates::AllBut(&[HTTP]),
    },
    Layer { at: "crates/scheduler-core/src/", modules: Modules::All, crates: Crates::AllBut(&[IO, HTTP]) },
    Layer { at: "src/", modules: Modules::All, crates: Crates::AllBut(&[IO]) },
];

#[test]
fn every_file_uses_only_what_its_layer_may_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    list(&root.join("src"), &mut files);
    list(&root.join("crates/scheduler-core/src"), &mut files);
    assert!(files.len() > 100, "the sources have moved: only {} files", files.len());
    let sources: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (path, std::fs::read_to_string(file).unwrap())
        })
        .collect();
    let for_tests: BTreeSet<String> =
        sources.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let refused: Vec<String> = sources
        .iter()
        .filter(|(path, _)| !for_tests.contains(path))
        .flat_map(|(path, text)| refusals(path, text))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn the_table_in_architecture_is_the_one_that_is_checked() {
    let document = include_str!("../../ARCHITECTURE.md");
    for layer in LAYERS {
        let modules = match layer.modules {
            Modules::All => "all".to_owned(),
            Modules::Only([]) => "none".to_owned(),
            Modules::Only(modules) => {
                modules.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let crates = match layer.crates {
            Crates::Only(lists) => lists
                .iter()
                .map(|list| if *list == PURE { "plain crates".to_owned() } else { list.join(", ") })
                .collect::<Vec<_>>()
                .join(", "),
            Crates::AllBut(lists) => {
                let names = lists.iter().map(|list| if *list == IO { "I/O" } else { "HTTP servers" });
                format!("all but {}", names.collect::<Vec<_>>().join(" and "))
            }
        };
        let row = format!("| `{}` | {modules} | {crates} |", layer.at);
        assert!(document.contains(&row), "ARCHITECTURE.md lacks the row {row}");
    }
}

#[test]
fn a_forbidden_import_is_refused() {
    #[track_caller]
    fn check(file: &str, source: &str, expected: &[&str]) {
        let path = format!("crates/scheduler-core/src/{file}");
        let expected: Vec<String> = expected.iter().map(|used| format!("{path} uses {used}")).collect();
        assert_eq!(refusals(&path, source), expected, "{source}");
    }
    check("domain/clinic.rs", "use chrono::Utc;\nuse super::ids::ClinicId;", &[]);
    check("domain/clinic.rs", "use sqlx::PgPool;", &["sqlx::PgPool"]);
    check("domain/clinic.rs", "use serde_json::Value;", &["serde_json::Value"]);
    check("domain/clinic.rs", "use crate::adapters::postgres::Db;", &["crate::adapters::postgres::Db"]);
    check("domain/clinic.rs", "use super::super::app::reconcile;", &["crate::app::reconcile"]);
    check(
        "conversation/understand/answer.rs",
        "use crate::{domain::ids::ClinicId, ports::{Clock, WhatsAppProvider as W}};",
        &["crate::ports::Clock", "crate::ports::WhatsAppProvider"],
    );
    check(
        "conversation/understand/answer.rs",
        "fn f(db: &crate::adapters::postgres::Db) {}",
        &["crate::adapters::postgres::Db"],
    );
    check(
        "conversation/understand/answer.rs",
        "async fn f() { tokio::time::sleep(d).await }",
        &["tokio::time::sleep"],
    );
    check(
        "conversation/understand/answer.rs",
        "// use sqlx::PgPool;\nconst A: &str = \"sqlx::PgPool\";",
        &[],
    );
    check("conversation/understand/answer.rs", "#[cfg(test)]\nmod tests { use proptest::prelude::*; }", &[]);
    check(
        "availability/mod.rs",
        "use crate::conversation::machine::state::State;",
        &["crate::conversation::machine::state::State"],
    );
    check("ports/whatsapp.rs", "use crate::conversation::Chat;", &["crate::conversation::Chat"]);
    check("adapters/dynamodb/mod.rs", "use crate::conversation::machine::state::Chat;", &[]);
    check(
        "adapters/dynamodb/mod.rs",
        "use crate::conversation::machine::event::Event;",
        &["crate::conversation::machine::event::Event"],
    );
    check("adapters/dynamodb/mod.rs", "use crate::app::chats::Chats;", &["crate::app::chats::Chats"]);
    check("app/status.rs", "use crate::adapters::postgres::Db;\nuse crate::ports::Clock;", &[]);
    check("app/status.rs", "use reqwest::Client;\nuse http::Request;", &["reqwest::Client", "http::Request"]);
    assert_eq!(refusals("src/auth.rs", "use aws_sdk_dynamodb::Client;").len(), 1);
    assert_eq!(refusals("src/auth.rs", "use http::Request;\nuse scheduler_core::app::status;").len(), 0);
    let tests = test_files("crates/scheduler-core/src/availability/mod.rs", "#[cfg(test)]\nmod properties;");
    assert_eq!(tests, ["crates/scheduler-core/src/availability/properties.rs"]);
}

pub(super) fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Paths used in a file that its layer may not use.
fn refusals(path: &str, source: &str) -> Vec<String> {
    let Some(layer) = LAYERS.iter().find(|layer| path.starts_with(layer.at)) else { return Vec::new() };
    let module = module_of(path);
    let mut used = Vec::new();
    for written in paths(source) {
        let full = resolve(&module, &written);
        if !may_use(layer, &module, &full) && !used.contains(&full) {
            used.push(full);
        }
    }
    used.iter().map(|used| format!("{path} uses {}", used.join("::"))).collect()
}

fn may_use(layer: &Layer, module: &[String], used: &[String]) -> bool {
    let first = used[0].as_str();
    if first == "crate" || first == "scheduler_core" {
        let Modules::Only(modules) = layer.modules else { return true };
        let inside = used[1..].join("::");
        let within = |name: &str| inside == name || inside.starts_with(&format!("{name}::"));
        return module.get(1).is_some_and(|own| within(own)) || modules.iter().any(|name| within(name));
    }
    let listed = |lists: &[&[&str]]| lists.iter().any(|list| list.contains(&first));
    match layer.crates {
        Crates::Only(lists) => !is_crate(first) || listed(lists),
        Crates::AllBut(lists) => !listed(lists),
    }
}

/// Whether a path's first word is a dependency rather than a module or a type.
fn is_crate(name: &str) -> bool {
    let manifest = include_str!("../../Cargo.toml");
    let dependencies = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let dependencies = dependencies.split("\n[").next().unwrap_or_default();
    dependencies
        .lines()
        .filter_map(|line| line.split_once('='))
        .any(|(dependency, _)| dependency.trim().replace('-', "_") == name)
}

/// `crate::a::b` for `…/src/a/b.rs`.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside).trim_end_matches(".rs");
    let words = inside.split('/').filter(|word| !matches!(*word, "mod" | "lib"));
    std::iter::once("crate").chain(words).map(str::to_owned).collect()
}

fn resolve(module: &[String], written: &[String]) -> Vec<String> {
    let ups = written.iter().take_while(|word| *word == "super").count();
    if written[0] == "self" {
        return [module, &written[1..]].concat();
    }
    if ups == 0 {
        return written.to_vec();
    }
    let kept = module.len().saturating_sub(ups).max(1);
    [&module[..kept], &written[ups..]].concat()
}
