//! Names of binaries.

/// `GetClinic` → `get-clinic`; WhatsApp is one word.
pub(crate) fn kebab(function: &str) -> String {
    let mut name = String::new();
    for letter in function.replace("WhatsApp", "Whatsapp").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
