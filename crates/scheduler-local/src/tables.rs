//! Makes the DynamoDB tables from the definitions that are deployed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use serde::Deserialize;

const DEFINITIONS: [&str; 3] = [
    include_str!("../../../sls/resources/dynamodb/conversation-sessions-table.yml"),
    include_str!("../../../sls/resources/dynamodb/message-events-table.yml"),
    include_str!("../../../sls/resources/dynamodb/scheduled-reminders-table.yml"),
];

/// What stands before a table's name in the definitions.
const PREFIX: &str = "${self:custom.resourcePrefix}";

/// The tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A definition cannot be read.
    #[error("a table's definition cannot be read: {0}")]
    Definition(String),
    /// DynamoDB refused.
    #[error("the table {table} could not be made: {cause}")]
    Refused {
        /// Which.
        table: String,
        /// Why.
        cause: String,
    },
}

impl From<BuildError> for TablesError {
    fn from(error: BuildError) -> Self {
        Self::Definition(error.to_string())
    }
}

/// Makes the tables that are not there; `names` are those of sessions, events and reminders.
pub async fn create(client: &Client, names: [&str; 3]) -> Result<(), TablesError> {
    let listed = client.list_tables().send().await.map_err(|error| TablesError::Refused {
        table: names.join(", "),
        cause: DisplayErrorContext(error).to_string(),
    })?;
    let missing = |name: &&str| !listed.table_names().iter().any(|there| there == name);
    for (definition, name) in DEFINITIONS.into_iter().zip(names).filter(|(_, name)| missing(name)) {
        let template: Template =
            serde_saphyr::from_str(definition).map_err(|error| TablesError::Definition(error.to_string()))?;
        for resource in template.resources.into_values() {
            create_one(client, name, resource.properties).await?;
        }
    }
    Ok(())
}

/// The usual names of the tables with this prefix, as the definitions have them.
pub fn names(prefix: &str) -> Result<[String; 3], TablesError> {
    let name = |definition: &str| {
        let template: Template =
            serde_saphyr::from_str(definition).map_err(|error| TablesError::Definition(error.to_string()))?;
        let table = template.resources.into_values().next();
        let table = table.ok_or_else(|| TablesError::Definition("no table in it".into()))?;
        Ok::<_, TablesError>(table.properties.table_name.replace(PREFIX, prefix))
    };
    Ok([name(DEFINITIONS[0])?, name(DEFINITIONS[1])?, name(DEFINITIONS[2])?])
}

async fn create_one(client: &Client, name: &str, table: Table) -> Result<(), TablesError> {
    let attributes = table.attribute_definitions.into_iter().map(|attribute| {
        AttributeDefinition::builder()
            .attribute_name(attribute.attribute_name)
            .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
            .build()
    });
    let indexes = table.global_secondary_indexes.into_iter().map(|index| {
        GlobalSecondaryIndex::builder()
            .index_name(index.index_name)
            .set_key_schema(Some(key_schema(index.key_schema)?))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
    });
    let indexes: Vec<GlobalSecondaryIndex> = indexes.collect::<Result<_, _>>()?;
    let made = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.collect::<Result<_, _>>()?))
        .set_key_schema(Some(key_schema(table.key_schema)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .send()
        .await;
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {
            Ok(())
        }
        Err(error) => Err(TablesError::Refused {
            table: name.to_owned(),
            cause: DisplayErrorContext(&error).to_string(),
        }),
    }
}

fn key_schema(keys: Vec<Key>) -> Result<Vec<KeySchemaElement>, BuildError> {
    let elements = keys.into_iter().map(|key| {
        KeySchemaElement::builder()
            .attribute_name(key.attribute_name)
            .key_type(KeyType::from(key.key_type.as_str()))
            .build()
    });
    elements.collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    resources: std::collections::BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    properties: Table,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    table_name: String,
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Key>,
    #[serde(default)]
    global_secondary_indexes: Vec<Index>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    index_name: String,
    key_schema: Vec<Key>,
}
