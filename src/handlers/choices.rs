//! Reads the options of a message: buttons, or the rows of a list.

use scheduler_core::domain::message::{Choice, MAX_ROWS};
use serde_json::{Value, json};

use crate::fields::{FieldReader, MAX_LINE_CHARS, ReadResult, text};

/// The rows of all sections of a list, and the title of the first section that has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    pub(crate) title: Option<String>,
    pub(crate) rows: Vec<Choice>,
}

/// From `least` to `most` objects with `id` and `label`. Ids are unique.
pub(crate) fn buttons(least: usize, most: usize) -> FieldReader<Vec<Choice>> {
    let read = move |value: &Value| {
        let read = items(value)?.iter().map(|item| choice(item, "label")).collect::<ReadResult<_>>()?;
        checked_choices(read, least, most)
    };
    FieldReader::new(read, move || {
        json!({"type": "array", "minItems": least, "maxItems": most, "items": schema_of_choice("label"),
            "description": "Ids are unique."})
    })
}

/// Objects with `rows` and an optional `title`; a row has `id` and `title`. There are one to ten rows in all.
/// z-api has no sections: it shows all rows as one list. The first title is the label of the button that
/// opens the list.
pub(crate) fn sections() -> FieldReader<List> {
    let read = |value: &Value| {
        let mut list = List::default();
        for section in items(value)? {
            refuse_unknown_fields(section, &["title", "rows"])?;
            let title = section.get("title").filter(|title| !title.is_null());
            let title =
                title.map(|title| with_field_name("title", text(MAX_LINE_CHARS).read(title))).transpose()?;
            list.title = list.title.or(title);
            let rows = section.get("rows").ok_or("rows: Campo obrigatório.")?;
            for row in with_field_name("rows", items(rows))? {
                list.rows.push(choice(row, "title")?);
            }
        }
        Ok(List { rows: checked_choices(list.rows, 1, MAX_ROWS)?, ..list })
    };
    FieldReader::new(read, || {
        let rows =
            json!({"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": schema_of_choice("title")});
        let section = json!({
            "type": "object",
            "properties": {"title": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_LINE_CHARS}, "rows": rows},
            "required": ["rows"],
            "additionalProperties": false,
        });
        json!({"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": section,
            "description": "At most ten rows in all; ids are unique. z-api shows them as one list; the first title is the label of its button."})
    })
}

fn schema_of_choice(label: &str) -> Value {
    let words = json!({"type": "string", "minLength": 1, "maxLength": MAX_LINE_CHARS, "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"});
    json!({"type": "object", "properties": {"id": words, label: words}, "required": ["id", label],
        "additionalProperties": false})
}

fn items(value: &Value) -> ReadResult<&Vec<Value>> {
    value.as_array().ok_or_else(|| "Deve ser uma lista.".into())
}

fn choice(item: &Value, label: &str) -> ReadResult<Choice> {
    refuse_unknown_fields(item, &["id", label])?;
    let read = |name: &str| match item.get(name) {
        Some(value) => with_field_name(name, text(MAX_LINE_CHARS).read(value)),
        None => Err(format!("{name}: Campo obrigatório.")),
    };
    Ok(Choice::new(read("id")?, read(label)?))
}

fn refuse_unknown_fields(item: &Value, known: &[&str]) -> ReadResult<()> {
    let fields = item.as_object().ok_or("Cada item deve ser um objeto.")?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{unknown}: Campo desconhecido.")),
        None => Ok(()),
    }
}

fn checked_choices(choices: Vec<Choice>, least: usize, most: usize) -> ReadResult<Vec<Choice>> {
    if !(least..=most).contains(&choices.len()) {
        return Err(format!("Deve ter de {least} a {most} opções."));
    }
    let duplicate =
        (1..choices.len()).find(|at| choices[..*at].iter().any(|other| other.id == choices[*at].id));
    match duplicate {
        Some(at) => Err(format!("O id {} aparece mais de uma vez.", choices[at].id)),
        None => Ok(choices),
    }
}

fn with_field_name<T>(name: &str, read: ReadResult<T>) -> ReadResult<T> {
    read.map_err(|error| format!("{name}: {error}"))
}
