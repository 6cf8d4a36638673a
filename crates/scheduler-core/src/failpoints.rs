//! Named places where a test may end the process (contract 7); nothing of them is in a release.

#[cfg(debug_assertions)]
static END_AT: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// From now on the process ends, as by `kill -9`, when it reaches the point of this name. The
/// first call counts. Does nothing in a release build.
#[cfg(debug_assertions)]
pub fn end_at(point: &str) {
    END_AT.get_or_init(|| point.to_owned());
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn end_at(_point: &str) {}

/// The process is at this point of contract 7.
#[cfg(debug_assertions)]
pub fn reach(point: &'static str) {
    if END_AT.get().is_some_and(|end| end == point) {
        std::process::abort();
    }
}

/// Compiled to nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_point: &'static str) {}
