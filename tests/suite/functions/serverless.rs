//! The functions that the Serverless interface files define.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Names, read, root};

/// The parts of a function's definition that the tables of routes and jobs hold too.
#[derive(Deserialize)]
struct Function {
    handler: String,
    package: Package,
    timeout: u64,
    #[serde(rename = "iamRoleStatementsName")]
    role: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Package {
    artifact: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Http { method: String, path: String },
    Schedule { rate: Vec<String> },
}

/// One line for each function that `serverless.yml` includes: its name, its binary, and its route or
/// schedule.
pub(super) fn functions() -> Names {
    let mut lines = Names::new();
    for (name, function) in definitions() {
        assert_eq!(function.handler, "bootstrap", "{name}");
        assert_eq!(function.role, format!("${{self:custom.resourcePrefix}}-{name}-role"));
        let zip = function.package.artifact.strip_prefix("${param:artifacts}/").unwrap().to_owned();
        let triggers: Vec<String> = function.events.into_iter().map(trigger).collect();
        let line = format!("{name} of {zip} by {}", triggers.join(", "));
        assert!(lines.insert(line), "{name} is defined twice");
    }
    lines
}

/// The time after which AWS ends a run of each function.
pub(super) fn timeouts() -> BTreeMap<String, Duration> {
    definitions().into_iter().map(|(name, function)| (name, Duration::from_secs(function.timeout))).collect()
}

fn definitions() -> Vec<(String, Function)> {
    let parse =
        |file: String| -> BTreeMap<String, Function> { serde_saphyr::from_str(&read(&file)).unwrap() };
    interface_files().into_iter().flat_map(parse).collect()
}

fn trigger(event: Event) -> String {
    match event {
        Event::Http { method, path } => format!("{} /{path}", method.to_uppercase()),
        Event::Schedule { rate } => rate.join(", "),
    }
}

/// The interface files on disk; `serverless.yml` must include exactly these.
pub(super) fn interface_files() -> Names {
    let folders = std::fs::read_dir(root().join("sls/functions")).unwrap();
    let on_disk: Names = folders
        .map(|folder| {
            format!("sls/functions/{}/interface.yml", folder.unwrap().file_name().to_str().unwrap())
        })
        .collect();
    let service = read("serverless.yml");
    let included = service.lines().filter_map(|line| {
        line.trim()
            .strip_prefix("- ${file(")?
            .strip_suffix(")}")
            .filter(|file| file.ends_with("interface.yml"))
    });
    assert_eq!(included.map(str::to_owned).collect::<Names>(), on_disk);
    on_disk
}
