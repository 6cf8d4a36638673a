//! Reading what can be pressed: buttons, and the rows of a list.

use scheduler_core::domain::message::{Choice, MAX_ROWS};
use serde_json::{Value, json};

use crate::fields::{FieldReader, LINE, Read, text};

/// The rows of a list's sections in one list, and the first section's title.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    pub(crate) title: Option<String>,
    pub(crate) rows: Vec<Choice>,
}

/// Objects of `id` and `label`, from `least` to `most`, no id twice.
pub(crate) fn buttons(least: usize, most: usize) -> FieldReader<Vec<Choice>> {
    let read = move |value: &Value| {
        let read = items(value)?.iter().map(|item| choice(item, "label")).collect::<Read<_>>()?;
        once_each(read, least, most)
    };
    FieldReader::new(read, move || {
        json!({"type": "array", "minItems": least, "maxItems": most, "items": schema_of_choice("label"),
            "description": "No id twice."})
    })
}

/// Objects of `rows`, and perhaps a `title`; a row has `id` and `title`. Together one to ten rows.
/// z-api knows no sections: the rows are one list, which opens under the first section's title.
pub(crate) fn sections() -> FieldReader<List> {
    let read = |value: &Value| {
        let mut list = List::default();
        for section in items(value)? {
            known_fields(section, &["title", "rows"])?;
            let title = section.get("title").filter(|title| !title.is_null());
            let title = title.map(|title| named("title", text(LINE).read(title))).transpose()?;
            list.title = list.title.or(title);
            let rows = section.get("rows").ok_or("rows: Campo obrigatório.")?;
            for row in named("rows", items(rows))? {
                list.rows.push(choice(row, "title")?);
            }
        }
        Ok(List { rows: once_each(list.rows, 1, MAX_ROWS)?, ..list })
    };
    FieldReader::new(read, || {
        let rows =
            json!({"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": schema_of_choice("title")});
        let section = json!({
            "type": "object",
            "properties": {"title": {"type": ["string", "null"], "minLength": 1, "maxLength": LINE}, "rows": rows},
            "required": ["rows"],
            "additionalProperties": false,
        });
        json!({"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": section,
            "description": "At most ten rows in all, no id twice. z-api shows them as one list, which opens under the first title."})
    })
}

fn schema_of_choice(label: &str) -> Value {
    let words = json!({"type": "string", "minLength": 1, "maxLength": LINE, "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"});
    json!({"type": "object", "properties": {"id": words, label: words}, "required": ["id", label],
        "additionalProperties": false})
}

fn items(value: &Value) -> Read<&Vec<Value>> {
    value.as_array().ok_or_else(|| "Deve ser uma lista.".into())
}

fn choice(item: &Value, label: &str) -> Read<Choice> {
    known_fields(item, &["id", label])?;
    let read = |name: &str| match item.get(name) {
        Some(value) => named(name, text(LINE).read(value)),
        None => Err(format!("{name}: Campo obrigatório.")),
    };
    Ok(Choice::new(read("id")?, read(label)?))
}

fn known_fields(item: &Value, known: &[&str]) -> Read<()> {
    let fields = item.as_object().ok_or("Cada item deve ser um objeto.")?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{unknown}: Campo desconhecido.")),
        None => Ok(()),
    }
}

fn once_each(choices: Vec<Choice>, least: usize, most: usize) -> Read<Vec<Choice>> {
    if !(least..=most).contains(&choices.len()) {
        return Err(format!("Deve ter de {least} a {most} opções."));
    }
    let twice = (1..choices.len()).find(|at| choices[..*at].iter().any(|other| other.id == choices[*at].id));
    match twice {
        Some(at) => Err(format!("O id {} aparece mais de uma vez.", choices[at].id)),
        None => Ok(choices),
    }
}

fn named<T>(name: &str, read: Read<T>) -> Read<T> {
    read.map_err(|error| format!("{name}: {error}"))
}
