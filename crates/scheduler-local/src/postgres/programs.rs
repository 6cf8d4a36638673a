//! Finds PostgreSQL's programs on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use scheduler_core::config::environment;

use super::ClusterError;

/// Folders of versions that packagers keep out of `PATH`, as (folder, what a version's name begins
/// with, where its programs are): Debian, Fedora from postgresql.org, Homebrew, Postgres.app.
const PACKAGED: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The folder of `initdb` and `postgres`, resolved: the one of data that is there already, else the
/// one in `PATH`, else the newest.
pub(super) fn find(data: &Path) -> Result<PathBuf, ClusterError> {
    let made_by = fs::read_to_string(data.join("PG_VERSION")).ok().map(|version| version.trim().to_owned());
    let path = environment("PATH").unwrap_or_default();
    let mut known: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| has_both(folder)).collect();
    known.extend(packaged());
    let resolved =
        |folder: &PathBuf| folder.join("postgres").canonicalize().ok()?.parent().map(Path::to_owned);
    let known: Vec<PathBuf> = known.iter().filter_map(resolved).collect();
    let Some(made_by) = made_by else {
        return known.into_iter().next().ok_or(ClusterError::NotInstalled);
    };
    let fitting = known.iter().find(|folder| version(folder).as_deref() == Some(&made_by));
    match (fitting, known.is_empty()) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, true) => Err(ClusterError::NotInstalled),
        (None, false) => Err(ClusterError::OtherVersion { data: data.to_owned(), made_by }),
    }
}

fn packaged() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (folder, start, programs) in PACKAGED {
        for version in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = version.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix(start).and_then(|rest| rest.split('.').next()?.parse().ok());
            let programs = version.path().join(programs);
            if let (Some(number), true) = (number, has_both(&programs)) {
                found.push((number, programs));
            }
        }
    }
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, programs)| programs).collect()
}

fn has_both(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// The major version, as `PG_VERSION` has it: "postgres (PostgreSQL) 17.2 (Debian 17.2-1)" is 17.
fn version(programs: &Path) -> Option<String> {
    let said = std::process::Command::new(programs.join("postgres")).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let number = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next().map(str::to_owned)
}
