//! Compares the variables and secrets that each function reads with those that it is deployed with.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use scheduler_core::config::Lookup;

use super::StartError;
use crate::jobs::JOBS;
use crate::routes::ROUTES;
use crate::secrets::ALL as ALL_SECRETS;

/// Variables that a function may read but is deployed without: alternatives for tests and the local server,
/// and what Lambda sets itself.
const NOT_DEPLOYED: [&str; 4] =
    ["DATABASE_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL", "AWS_REGION"];

#[derive(Deserialize)]
struct Deployed {
    environment: String,
}

fn parsed<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The variables that a function looks up when it starts.
fn looked_up(start: impl FnOnce(Lookup<'_>) -> Result<(), StartError>) -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        names.borrow_mut().insert(name.to_owned());
        match name {
            "RDS_PORT" => Some("5432".to_owned()),
            "RDS_SSL_MODE" => Some("verify-full".to_owned()),
            "SEND_DAILY_LIMIT" | "SEND_DAILY_LIMIT_NEW" => Some("1".to_owned()),
            "ZAPI_BASE_URL" => Some("https://api.z-api.io".to_owned()),
            name if NOT_DEPLOYED.contains(&name) => None,
            name => Some(name.to_owned()),
        }
    };
    // The SheetWriter does not start, because its placeholder is not a valid service account key. By then it
    // has looked up every variable.
    let _ = start(&lookup);
    let mut names = names.into_inner();
    names.retain(|name| !NOT_DEPLOYED.contains(&name.as_str()));
    names
}

#[test]
fn every_function_is_deployed_with_exactly_the_variables_it_reads() {
    let sls = Path::new(env!("CARGO_MANIFEST_DIR")).join("sls");
    let groups: BTreeMap<String, BTreeMap<String, IgnoredAny>> = parsed(&sls.join("environment.yml"));
    let mut functions: BTreeMap<String, Deployed> = BTreeMap::new();
    for folder in std::fs::read_dir(sls.join("functions")).unwrap() {
        functions
            .append(&mut parsed::<BTreeMap<String, Deployed>>(&folder.unwrap().path().join("interface.yml")));
    }
    let routes =
        ROUTES.iter().map(|route| (route.function, looked_up(|env| route.check_env(env)), route.secrets()));
    let jobs = JOBS.iter().map(|job| (job.function, looked_up(|env| job.check_env(env)), job.secrets()));
    for (function, mut read, secrets) in routes.chain(jobs) {
        let group = functions[function].environment.strip_prefix("${file(sls/environment.yml):").unwrap();
        let given: BTreeSet<String> = groups[group.trim_end_matches('}')].keys().cloned().collect();
        for secret in ALL_SECRETS {
            assert_eq!(read.remove(secret), secrets.contains(&secret), "{function} and {secret}");
        }
        assert!(secrets.len() <= 10, "SSM answers ten names in one call: {secrets:?}");
        // Read before the context is built.
        read.insert("SECRETS_PATH".to_owned());
        assert_eq!(read, given, "{function}");
    }
    assert_eq!(functions.len(), ROUTES.len() + JOBS.len());
}
