//! The rights to secrets: each function's role may read exactly those that its code reads
//! (`docs/rules/security.md#secrets`).

use std::collections::BTreeMap;

use scheduler_api::jobs::JOBS;
use scheduler_api::routes::ROUTES;

use super::serverless::interface_files;
use super::{Names, read};

/// A parameter of this stage, in `sls/secrets.yml`.
const PARAMETER: &str =
    "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${self:custom.stage}/";

#[test]
fn every_role_may_read_exactly_the_secrets_that_its_function_reads() {
    let groups = groups();
    let allowed = groups_of_functions();
    let routes = ROUTES.iter().map(|route| (route.function, route.secrets()));
    let needed: BTreeMap<&str, Names> = routes
        .chain(JOBS.iter().map(|job| (job.function, job.secrets())))
        .map(|(function, secrets)| (function, secrets.iter().map(|secret| (*secret).to_owned()).collect()))
        .collect();
    assert_eq!(allowed.len(), needed.len());
    for (function, secrets) in needed {
        let group = &allowed[function];
        assert_eq!(groups[group], secrets, "{function} has the rights {group}");
    }
}

/// The secrets of each group in `sls/secrets.yml`. Each is named exactly, and may only be read.
fn groups() -> BTreeMap<String, Names> {
    let names = |section: String| {
        let actions: Vec<&str> = section.lines().filter(|line| line.contains("ssm:")).collect();
        let (actions, resources) = actions.split_first().expect("an action");
        assert_eq!(actions.trim(), "- ssm:GetParameters");
        let name =
            |line: &&str| line.trim().strip_prefix("- !Sub ")?.strip_prefix(PARAMETER).map(str::to_owned);
        let names: Option<Names> = resources.iter().map(name).collect();
        let names = names.expect("exact names");
        assert!(names.iter().all(|name| !name.contains('*')), "{names:?}");
        names
    };
    let sections = sections(&read("sls/secrets.yml")).into_iter();
    sections.map(|(group, section)| (group, names(section))).collect()
}

/// The group whose rights each function has.
fn groups_of_functions() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in interface_files() {
        for (function, section) in sections(&read(&file)) {
            let groups: Vec<&str> = section
                .split("- ${file(sls/secrets.yml):")
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
                .collect();
            assert_eq!(groups.len(), 1, "{function} has the rights to one group of secrets");
            assert_eq!(section.matches("ssm:").count(), 0, "{function} has no other right to parameters");
            found.insert(function, groups.concat());
        }
    }
    found
}

/// The top-level keys of a YAML file, with the lines below each.
fn sections(yaml: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut current = None;
    for line in yaml.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_suffix(':').filter(|key| !key.starts_with(' ')) {
            Some(key) => {
                current = Some(key.to_owned());
                found.insert(key.to_owned(), String::new());
            }
            None => {
                if let Some(section) = current.as_ref().and_then(|key| found.get_mut(key)) {
                    section.push_str(line);
                    section.push('\n');
                }
            }
        }
    }
    found
}
