//! Named points in the code at which a test can end the process. Release builds contain none of
//! them. The names are listed in `docs/rules/data.md#failpoints`.

#[cfg(debug_assertions)]
static ABORT_AT: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Makes the process abort, as `kill -9` would, when it reaches `point`. Only the first call has an effect.
#[cfg(debug_assertions)]
pub fn abort_at(point: &str) {
    ABORT_AT.get_or_init(|| point.to_owned());
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn abort_at(_point: &str) {}

/// Marks the point `point`. The process aborts here if [`abort_at`] named it.
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
