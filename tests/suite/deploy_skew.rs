//! Deployed functions keep working on a newer schema: every migration after the first is additive
//! (`docs/rules/reliability.md#deploy-skew`).

use std::path::Path;

/// Statements that are breaking by their form, with the reason why the previous release can live with them.
const ACCEPTED: [(&str, &str, &str); 1] = [(
    "0006_sheet_tab_unique.sql",
    "create unique index clinics_sheet_tab_key",
    "two clinics that write one tab take each other's rows; the previous release answers 500 instead of 409",
)];

/// Parts of statements that could break an older function. A check that is `not valid` is not among them: it
/// leaves the rows that are there, and only refuses to write what no release may write.
const BREAKING: [&str; 9] = [
    "drop table",
    "drop column",
    "drop function",
    "rename ",
    "alter column",
    "add constraint",
    "create unique index",
    "truncate ",
    "delete from",
];

#[test]
fn no_migration_breaks_functions_that_are_already_deployed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 1, "{files:?}");
    for file in &files[1..] {
        let mut found = breaking_statements(&std::fs::read_to_string(file).unwrap());
        let name = file.file_name().unwrap().to_str().unwrap();
        found.retain(|statement| {
            !ACCEPTED.iter().any(|(of, start, _)| *of == name && statement.starts_with(start))
        });
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
    for (file, _, why) in ACCEPTED {
        println!("{file} is accepted: {why}");
    }
    println!("all {} migrations after the first are additive", files.len() - 1);
}

#[test]
fn statements_that_break_older_functions_are_found() {
    #[track_caller]
    fn check(sql: &str, expected: usize) {
        assert_eq!(breaking_statements(sql).len(), expected, "{sql}");
    }
    check("alter table a add column b text;", 0);
    check("alter table a add column b text not null default '';", 0);
    check("-- drop table a;\ncreate index on a (b);", 0);
    check("create table a (b text not null);", 0);
    check("alter table a add column b text not null;", 1);
    check("alter table a\n    drop column b; alter table a rename column c to d;", 2);
    check("Alter Table a alter column b set not null;", 1);
    check("alter table a add constraint c check (b > 0);", 1);
    check("alter table a add constraint c check (b > 0)\n    not valid;", 0);
    check("alter table a add constraint c foreign key (b) references d not valid;", 1);
    check("alter table a drop column b, add constraint c check (d > 0) not valid;", 1);
}

fn breaking_statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let normalized =
        |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_breaking = |statement: &String| {
        let required = statement.contains("add column") && statement.contains("not null");
        let checks_new_rows = statement.contains(" check (") && statement.ends_with("not valid");
        let breaks =
            |part: &&str| statement.contains(*part) && !(checks_new_rows && *part == "add constraint");
        BREAKING.iter().any(breaks) || required && !statement.contains("default")
    };
    code.join("\n").split(';').map(normalized).filter(is_breaking).collect()
}
