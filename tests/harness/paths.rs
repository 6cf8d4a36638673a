//! The paths of the table of routes, with values in their placeholders.

/// The path with `value` of each placeholder's name in its place.
pub fn filled(path: &str, value: impl Fn(&str) -> String) -> String {
    let placeholder = |part: &str| Some(value(part.strip_prefix('{')?.strip_suffix('}')?));
    let parts: Vec<String> =
        path.split('/').map(|part| placeholder(part).unwrap_or_else(|| part.to_owned())).collect();
    parts.join("/")
}
