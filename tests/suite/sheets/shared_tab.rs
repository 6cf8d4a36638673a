//! A tab of a spreadsheet belongs to one clinic (docs/rules/sheet.md#connecting-a-sheet). That it is refused
//! over the API is tested with the other rules for clinics.

use scheduler_tests::database;

/// The part of the migration that decides to which clinic a tab belongs.
fn migration() -> &'static str {
    let migration = include_str!("../../../migrations/0006_sheet_tab_unique.sql");
    migration.split_once("alter table").expect("the next part").0
}

#[tokio::test]
async fn of_clinics_that_shared_a_tab_before_the_oldest_keeps_it() {
    let database = database().await;
    let before = "drop index scheduler.clinics_sheet_tab_key;
        insert into scheduler.clinics (clinic_id, name, google_spreadsheet_id, google_sheet_name, created_at)
        values
            ('younger', 'Younger', 'shared', 'agenda', '2026-02-02'),
            ('older', 'Older', 'shared', 'Agenda', '2026-02-01'),
            ('other-tab', 'Other tab', 'shared', 'Outra', '2026-02-03'),
            ('no-sheet', 'No sheet', null, 'Agenda', '2026-02-04')";
    sqlx::raw_sql(before).execute(&database.pool).await.expect("clinics");
    let mut transaction = database.pool.begin().await.expect("a transaction");
    sqlx::raw_sql(migration()).execute(&mut *transaction).await.expect("the migration");
    transaction.commit().await.expect("committed");
    let kept: Vec<String> = sqlx::query_scalar(
        "select clinic_id from scheduler.clinics where google_spreadsheet_id is not null order by clinic_id",
    )
    .fetch_all(&database.pool)
    .await
    .expect("clinics");
    assert_eq!(kept, ["older", "other-tab"]);
}
