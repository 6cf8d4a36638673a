//! What the interface files of Serverless tell of the functions.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Names, read, root};

/// One function of an interface file, as far as the tables tell of it too.
#[derive(Deserialize)]
struct Function {
    handler: String,
    package: Package,
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

/// Every function of every interface file that `serverless.yml` takes, in one line each: name, binary
/// and what calls it.
pub(super) fn functions() -> Names {
    let mut told = Names::new();
    for file in interface_files() {
        let functions: BTreeMap<String, Function> = serde_saphyr::from_str(&read(&file)).unwrap();
        for (name, function) in functions {
            assert_eq!(function.handler, "bootstrap", "{name}");
            assert_eq!(function.role, format!("${{self:custom.resourcePrefix}}-{name}-role"));
            let zip = function.package.artifact.strip_prefix("${param:artifacts}/").unwrap().to_owned();
            let called: Vec<String> = function.events.into_iter().map(called).collect();
            let line = format!("{name} of {zip} by {}", called.join(", "));
            assert!(told.insert(line), "{name} is there twice");
        }
    }
    told
}

fn called(event: Event) -> String {
    match event {
        Event::Http { method, path } => format!("{} /{path}", method.to_uppercase()),
        Event::Schedule { rate } => rate.join(", "),
    }
}

/// Those on disk; each must be named in `serverless.yml`, and no other.
fn interface_files() -> Names {
    let folders = std::fs::read_dir(root().join("sls/functions")).unwrap();
    let on_disk: Names = folders
        .map(|folder| {
            format!("sls/functions/{}/interface.yml", folder.unwrap().file_name().to_str().unwrap())
        })
        .collect();
    let service = read("serverless.yml");
    let taken = service.lines().filter_map(|line| {
        line.trim()
            .strip_prefix("- ${file(")?
            .strip_suffix(")}")
            .filter(|file| file.ends_with("interface.yml"))
    });
    assert_eq!(taken.map(str::to_owned).collect::<Names>(), on_disk);
    on_disk
}
