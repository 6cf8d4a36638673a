//! Functions that were deployed before go on working on a schema that is newer (quality 3, row 20):
//! what a migration after the first does takes nothing from them.

use std::path::Path;

/// What a statement that ran before could miss, or be refused by.
const TAKES: [&str; 9] = [
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
fn no_migration_takes_from_functions_that_are_deployed_already() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 1, "{files:?}");
    for file in &files[1..] {
        let found = taken(&std::fs::read_to_string(file).unwrap());
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
    println!("{} migrations after the first, all of them additive", files.len() - 1);
}

#[test]
fn what_an_older_function_would_miss_is_found() {
    #[track_caller]
    fn check(sql: &str, expected: usize) {
        assert_eq!(taken(sql).len(), expected, "{sql}");
    }
    check("alter table a add column b text;", 0);
    check("alter table a add column b text not null default '';", 0);
    check("-- drop table a;\ncreate index on a (b);", 0);
    check("create table a (b text not null);", 0);
    check("alter table a add column b text not null;", 1);
    check("alter table a\n    drop column b; alter table a rename column c to d;", 2);
    check("Alter Table a alter column b set not null;", 1);
    check("alter table a add constraint c check (b > 0);", 1);
}

fn taken(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let takes = |statement: &String| {
        let demands = statement.contains("add column") && statement.contains("not null");
        TAKES.iter().any(|word| statement.contains(word)) || demands && !statement.contains("default")
    };
    code.join("\n").split(';').map(words).filter(takes).collect()
}
