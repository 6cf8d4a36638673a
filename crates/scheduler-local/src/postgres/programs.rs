//! Finds `initdb` and `postgres` on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use scheduler_core::config::environment;

use super::error::ClusterError;

/// Where packages that are not in `PATH` install their versions: (parent folder, prefix of a version's
/// folder, subfolder with the programs). In order: Debian, postgresql.org on Fedora, Homebrew on ARM and
/// Intel, Postgres.app.
const PACKAGE_FOLDERS: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The folder with `initdb` and `postgres`, symlinks resolved. For existing data, only a folder with the
/// data's major version is used. Folders in `PATH` are preferred, then the newest packaged version.
pub(super) fn find(data: &Path) -> Result<PathBuf, ClusterError> {
    let data_version = fs::read_to_string(data.join("PG_VERSION"));
    let data_version = data_version.ok().map(|version| version.trim().to_owned());
    let path = environment("PATH").unwrap_or_default();
    let mut known: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|folder| has_programs(folder)).collect();
    known.extend(packaged());
    let resolved =
        |folder: &PathBuf| folder.join("postgres").canonicalize().ok()?.parent().map(Path::to_owned);
    let known: Vec<PathBuf> = known.iter().filter_map(resolved).collect();
    let Some(data_version) = data_version else {
        return known.into_iter().next().ok_or(ClusterError::NotInstalled);
    };
    let matching = known.iter().find(|folder| version(folder).as_deref() == Some(&data_version));
    match (matching, known.is_empty()) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, true) => Err(ClusterError::NotInstalled),
        (None, false) => Err(ClusterError::OtherVersion { data: data.to_owned(), data_version }),
    }
}

fn packaged() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (folder, start, programs) in PACKAGE_FOLDERS {
        for version in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = version.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix(start).and_then(|rest| rest.split('.').next()?.parse().ok());
            let programs = version.path().join(programs);
            if let (Some(number), true) = (number, has_programs(&programs)) {
                found.push((number, programs));
            }
        }
    }
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, programs)| programs).collect()
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// The major version, as `PG_VERSION` states it: 17 for "postgres (PostgreSQL) 17.2 (Debian 17.2-1)".
fn version(programs: &Path) -> Option<String> {
    let output = std::process::Command::new(programs.join("postgres")).arg("--version").output().ok()?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = output.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next().map(str::to_owned)
}
