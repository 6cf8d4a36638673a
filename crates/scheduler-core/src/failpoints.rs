//! Named points in the code at which a test can end the process. Release builds contain none of
//! them. The names are listed in docs/rules/data.md#failpoints.

#[cfg(debug_assertions)]
static ABORT_AT: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Makes the process end, as by `kill -9`, when it reaches this point. Only the first call counts.
#[cfg(debug_assertions)]
pub fn abort_at(point: &str) {
    ABORT_AT.get_or_init(|| point.to_owned());
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn abort_at(_point: &str) {}

/// Marks a point that [`abort_at`] can name.
#[cfg(debug_assertions)]
pub fn hit(point: &'static str) {
    if ABORT_AT.get().is_some_and(|wanted| wanted == point) {
        std::process::abort();
    }
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn hit(_point: &'static str) {}
