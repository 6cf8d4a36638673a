//! Fills the placeholders in the paths of the route table.

/// Replaces each placeholder such as `{clinicId}` with `value("clinicId")`.
pub fn fill_placeholders(path: &str, value: impl Fn(&str) -> String) -> String {
    let placeholder = |part: &str| Some(value(part.strip_prefix('{')?.strip_suffix('}')?));
    let parts: Vec<String> =
        path.split('/').map(|part| placeholder(part).unwrap_or_else(|| part.to_owned())).collect();
    parts.join("/")
}
