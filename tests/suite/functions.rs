//! Every place that lists the functions is compared with the tables of routes and jobs.

mod secrets;
mod serverless;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scheduler_api::jobs::JOBS;
use scheduler_api::routes::ROUTES;
use serde_json::Value;

type Names = BTreeSet<String>;

#[test]
fn every_place_lists_the_same_functions() {
    let routes: Names = ROUTES.iter().map(|route| route.function.to_owned()).collect();
    let calls: Names = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let binaries: Names =
        ROUTES.iter().map(|route| route.binary()).chain(JOBS.iter().map(|job| job.name.to_owned())).collect();
    assert_eq!((routes.len(), calls.len()), (ROUTES.len(), ROUTES.len()), "the route table has a duplicate");
    let deployed: Names = ROUTES
        .iter()
        .map(|route| {
            format!("{} of {}.zip by {} {}", route.function, route.binary(), route.method, route.path)
        })
        .chain(JOBS.iter().map(|job| format!("{} of {}.zip by {}", job.function, job.name, job.schedule)))
        .collect();
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let differences: Vec<String> = [
        ("src/bin", &binaries, binaries_on_disk()),
        ("Cargo.toml", &binaries, binaries_of_cargo()),
        ("the paths of docs/openapi.json", &calls, operations(&document, |call, _| call)),
        (
            "the operationIds of docs/openapi.json",
            &routes,
            operations(&document, |_, operation| operation["operationId"].as_str().unwrap().to_owned()),
        ),
        ("postman", &routes, routes_of_postman()),
        ("sls/functions", &deployed, serverless::functions()),
    ]
    .iter()
    .flat_map(|(place, table, listed)| difference(place, table, listed))
    .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    println!("{} routes and {} jobs are the same everywhere", ROUTES.len(), JOBS.len());
}

/// What a run begins last, such as a message that z-api is slow to accept, must end before AWS ends the
/// function.
#[test]
fn every_job_has_half_a_minute_for_what_it_begins_last() {
    let timeouts = serverless::timeouts();
    for job in JOBS {
        let (budget, timeout) = (job.budget, timeouts[job.function]);
        println!("{}: {budget:?} of {timeout:?}", job.function);
        assert!(budget + Duration::from_secs(30) <= timeout, "{}: {budget:?} of {timeout:?}", job.function);
    }
    for route in ROUTES {
        assert_eq!(timeouts[route.function], Duration::from_secs(20), "{}", route.function);
    }
}

#[test]
fn missing_and_unknown_names_are_both_reported() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Names>();
    let found = difference("postman", &names(&["a", "b"]), &names(&["b", "c"]));
    assert_eq!(found, ["a is missing in postman", "c is only in postman"]);
}

#[test]
fn no_function_is_compiled_with_the_local_server_or_its_page() {
    let lock: toml::Table = toml::from_str(&read("Cargo.lock")).unwrap();
    let compiled = compiled_into(&lock, "scheduler-api");
    assert!(compiled.contains("scheduler-core") && compiled.len() > 50, "{compiled:?}");
    for local in ["scheduler-local", "scheduler-dynamodb", "swagger-ui-dist", "dynoxide-rs"] {
        assert!(!compiled.contains(local), "{local}");
        assert!(compiled_into(&lock, "scheduler-tests").contains(local), "{local} is not in Cargo.lock");
    }
    // A file can also be included without a dependency.
    let mut sources = Vec::new();
    super::layers::list(&root().join("src"), &mut sources);
    super::layers::list(&root().join("crates/scheduler-core/src"), &mut sources);
    for source in sources {
        let text = std::fs::read_to_string(&source).unwrap();
        let included = text.split("include_").skip(1).filter_map(|rest| rest.lines().next());
        let pages: Vec<&str> = included.filter(|line| line.contains("page/")).collect();
        assert!(pages.is_empty(), "{}: {pages:?}", source.display());
    }
}

#[test]
fn the_deployment_and_the_functions_refuse_keys_of_the_same_length() {
    let wanted = format!("const MIN_KEY_CHARS = {};", scheduler_core::config::MIN_KEY_CHARS);
    assert!(read("sls/plugins/keys.js").contains(&wanted), "sls/plugins/keys.js lacks {wanted}");
    assert!(read("serverless.yml").contains("- ./sls/plugins/keys.js"), "the plugin is not in use");
}

/// All packages that `package` depends on with any of its features, directly or indirectly.
fn compiled_into(lock: &toml::Table, package: &str) -> Names {
    let packages = lock["package"].as_array().unwrap();
    let mut found = Names::new();
    let mut open = vec![package.to_owned()];
    while let Some(next) = open.pop() {
        for package in packages.iter().filter(|package| package["name"].as_str() == Some(&next)) {
            for needed in package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten() {
                // The version follows the name if the lock file has two versions of a package.
                let name = needed.as_str().unwrap().split(' ').next().unwrap().to_owned();
                if found.insert(name.clone()) {
                    open.push(name);
                }
            }
        }
    }
    found
}

fn difference(place: &str, table: &Names, listed: &Names) -> Vec<String> {
    let missing = table.difference(listed).map(|name| format!("{name} is missing in {place}"));
    missing.chain(listed.difference(table).map(|name| format!("{name} is only in {place}"))).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn binaries_on_disk() -> Names {
    let files = std::fs::read_dir(root().join("src/bin")).unwrap();
    files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The binaries in `Cargo.toml`. Each has its own file and is not built as a test.
fn binaries_of_cargo() -> Names {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let binaries = manifest["bin"].as_array().unwrap().iter();
    binaries
        .map(|binary| {
            let name = binary["name"].as_str().unwrap().to_owned();
            assert!(binary.get("path").is_none(), "{name}: Cargo finds it by its name");
            assert_eq!(binary["test"].as_bool(), Some(false), "{name}");
            name
        })
        .collect()
}

/// The result of `name` for each operation. Its first argument is, for example, `GET /clinics`.
fn operations(document: &Value, name: impl Fn(String, &Value) -> String) -> Names {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, it)| (path, method, it)))
        .map(|(path, method, operation)| name(format!("{} {path}", method.to_uppercase()), operation))
        .collect()
}

/// The function of every request in every Postman collection, or method and path if no route matches.
fn routes_of_postman() -> Names {
    let files = std::fs::read_dir(root().join("postman")).unwrap().map(|file| file.unwrap().path());
    let collections = files.filter(|file| file.to_str().unwrap().ends_with(".postman_collection.json"));
    let mut names = Names::new();
    for file in collections {
        let collection: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for item in collection["item"].as_array().unwrap() {
            let request = &item["request"];
            let method = request["method"].as_str().unwrap();
            let url = request["url"]["raw"].as_str().or(request["url"].as_str()).unwrap();
            let path = url.split('?').next().unwrap().trim_start_matches("{{BASE_URL}}");
            let route = ROUTES.iter().find(|route| route.method == method && route.matches(path).is_some());
            names.insert(route.map_or_else(|| format!("{method} {path}"), |route| route.function.to_owned()));
        }
    }
    names
}
