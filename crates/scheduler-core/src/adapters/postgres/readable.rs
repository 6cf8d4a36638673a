//! Reads a list of many clinics' rows: a row that cannot be read costs a warning, not the whole list.

use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// The values that could be read. Each other row is left out and logged with its clinic.
pub(super) fn readable<T>(rows: impl IntoIterator<Item = (ClinicId, Result<T, StoreError>)>) -> Vec<T> {
    let read = |(clinic, row): (ClinicId, Result<T, StoreError>)| {
        row.inspect_err(|error| {
            tracing::warn!(
                step = "read_row",
                clinic_id = %clinic,
                error = error as &dyn std::error::Error,
                "a row that cannot be read is left out"
            );
        })
        .ok()
    };
    rows.into_iter().filter_map(read).collect()
}
