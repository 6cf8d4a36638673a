//! The data file. It is in SQLite's format, and set up so that it can become smaller again.

use std::path::Path;

use rusqlite::Connection;

/// SQLite's name for a file that gives pages back on request.
const INCREMENTAL: i64 = 2;

/// Pages given back in one write. Other writes wait for it.
const PAGES_AT_ONCE: u32 = 256;

/// Creates the file or, once, rewrites one that an earlier version created. A failure is only logged: such a
/// file works, and reuses its free pages.
pub(crate) fn prepare(path: &Path) {
    if let Err(error) = set_up(path) {
        tracing::warn!(
            step = "dynamodb",
            error = %error,
            "the data of the embedded DynamoDB was not made ready to give space back"
        );
    }
}

fn set_up(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    let mode: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?;
    if mode == INCREMENTAL {
        return Ok(());
    }
    // The setting takes effect when the file is rewritten.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
}

/// Gives some of the file's free pages back, and returns whether there are more.
pub(crate) fn give_back_pages(path: &Path) -> rusqlite::Result<bool> {
    let connection = Connection::open(path)?;
    let before = free_pages(&connection)?;
    {
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
        // Each row is a page that was given back.
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    let after = free_pages(&connection)?;
    if after < before && after > 0 {
        return Ok(true);
    }
    // The file itself shrinks when its write-ahead log is written back.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(false)
}

fn free_pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn size(path: &Path) -> u64 {
        std::fs::metadata(path).unwrap().len()
    }

    fn fill(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                CREATE TABLE t (id INTEGER PRIMARY KEY, content BLOB);
                WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 3000)
                INSERT INTO t SELECT id, randomblob(1500) FROM n;
                PRAGMA wal_checkpoint(TRUNCATE);",
            )
            .unwrap();
        connection
    }

    #[test]
    fn pages_of_deleted_rows_are_given_back_while_the_file_is_in_use() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("data");
        prepare(&path);
        let in_use = fill(&path);
        let full = size(&path);
        in_use.execute_batch("DELETE FROM t WHERE id % 10 <> 0").unwrap();
        let mut batches = 1;
        while give_back_pages(&path).unwrap() {
            batches += 1;
        }
        assert!(batches > 2, "{batches}");
        assert!(size(&path) < full / 4, "{} of {full} bytes", size(&path));
        let left: i64 = in_use.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 300);
    }

    #[test]
    fn a_file_of_an_earlier_version_is_rewritten_once() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("data");
        let earlier = fill(&path);
        earlier.execute_batch("DELETE FROM t WHERE id % 10 <> 0").unwrap();
        drop(earlier);
        let full = size(&path);
        prepare(&path);
        assert!(size(&path) < full / 4, "{} of {full} bytes", size(&path));
        let connection = Connection::open(&path).unwrap();
        let mode: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, INCREMENTAL);
        assert_eq!(free_pages(&connection).unwrap(), 0);
    }
}
