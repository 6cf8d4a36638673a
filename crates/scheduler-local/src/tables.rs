//! Creates the DynamoDB tables and their indexes from the CloudFormation definitions that are deployed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
};
use scheduler_dynamodb::ExpiringTable;
use serde::Deserialize;

const DEFINITIONS: [&str; 3] = [
    include_str!("../../../sls/resources/dynamodb/conversation-sessions-table.yml"),
    include_str!("../../../sls/resources/dynamodb/message-events-table.yml"),
    include_str!("../../../sls/resources/dynamodb/scheduled-reminders-table.yml"),
];

/// The Serverless variable that every table name in the definitions starts with.
const PREFIX_VARIABLE: &str = "${self:custom.resourcePrefix}";

/// Why the tables could not be created.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A definition is not valid.
    #[error("could not read a table definition: {0}")]
    Definition(String),
    /// DynamoDB refused a call or did not answer.
    #[error("could not create the table {table}: {cause}")]
    CreateTable {
        /// Name of the table, or of all three if they could not be listed.
        table: String,
        /// DynamoDB's error with its causes.
        cause: String,
    },
}

impl From<BuildError> for TablesError {
    fn from(error: BuildError) -> Self {
        Self::Definition(error.to_string())
    }
}

/// Creates the missing tables, and the indexes that the tables of an earlier release lack. `names` are the tables of
/// sessions, message events and reminders.
pub async fn create(client: &Client, names: [&str; 3]) -> Result<(), TablesError> {
    let listed = client.list_tables().send().await.map_err(|error| not_created(&names.join(", "), error))?;
    for (definition, name) in DEFINITIONS.into_iter().zip(names) {
        let exists = listed.table_names().iter().any(|existing| existing == name);
        for resource in read(definition)?.resources.into_values() {
            if exists {
                create_missing_indexes(client, name, resource.properties).await?;
            } else {
                create_table(client, name, resource.properties).await?;
            }
        }
    }
    Ok(())
}

/// The names from the definitions, with `prefix` in place of the resource prefix.
pub fn default_names(prefix: &str) -> Result<[String; 3], TablesError> {
    let name = |definition: &str| {
        let table = read(definition)?.resources.into_values().next();
        let table = table.ok_or_else(|| TablesError::Definition("it contains no table".into()))?;
        Ok::<_, TablesError>(table.properties.table_name.replace(PREFIX_VARIABLE, prefix))
    };
    Ok([name(DEFINITIONS[0])?, name(DEFINITIONS[1])?, name(DEFINITIONS[2])?])
}

/// The tables whose definitions let items expire. `names` are those of sessions, message events and reminders.
pub fn expiring(names: [&str; 3]) -> Result<Vec<ExpiringTable>, TablesError> {
    let mut expiring = Vec::new();
    for (definition, name) in DEFINITIONS.into_iter().zip(names) {
        for table in read(definition)?.resources.into_values().map(|resource| resource.properties) {
            if let Some(expiry) = table.time_to_live_specification.filter(|expiry| expiry.enabled) {
                expiring.push(ExpiringTable {
                    name: name.to_owned(),
                    expires_at: expiry.attribute_name,
                    keys: table.key_schema.into_iter().map(|key| key.attribute_name).collect(),
                });
            }
        }
    }
    Ok(expiring)
}

fn read(definition: &str) -> Result<Template, TablesError> {
    serde_saphyr::from_str(definition).map_err(|error| TablesError::Definition(error.to_string()))
}

async fn create_table(client: &Client, name: &str, table: Table) -> Result<(), TablesError> {
    let indexes: Vec<GlobalSecondaryIndex> =
        table.global_secondary_indexes.into_iter().map(Index::definition).collect::<Result<_, _>>()?;
    let created = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes(&table.attribute_definitions)?))
        .set_key_schema(Some(key_schema(table.key_schema)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .send()
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {
            Ok(())
        }
        Err(error) => Err(not_created(name, error)),
    }
}

async fn create_missing_indexes(client: &Client, name: &str, table: Table) -> Result<(), TablesError> {
    let described = client.describe_table().table_name(name).send().await;
    let described = described.map_err(|error| not_created(name, error))?;
    let existing = described.table().map(|table| table.global_secondary_indexes()).unwrap_or_default();
    for index in table.global_secondary_indexes {
        if existing.iter().any(|existing| existing.index_name() == Some(&index.index_name)) {
            continue;
        }
        let action = CreateGlobalSecondaryIndexAction::builder()
            .index_name(index.index_name)
            .set_key_schema(Some(key_schema(index.key_schema)?))
            .projection(index.projection.definition())
            .build()?;
        client
            .update_table()
            .table_name(name)
            .set_attribute_definitions(Some(attributes(&table.attribute_definitions)?))
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(action).build())
            .send()
            .await
            .map_err(|error| not_created(name, error))?;
    }
    Ok(())
}

fn not_created<E: std::error::Error>(table: &str, error: E) -> TablesError {
    TablesError::CreateTable { table: table.to_owned(), cause: DisplayErrorContext(error).to_string() }
}

fn attributes(definitions: &[Attribute]) -> Result<Vec<AttributeDefinition>, BuildError> {
    let definitions = definitions.iter().map(|attribute| {
        AttributeDefinition::builder()
            .attribute_name(&attribute.attribute_name)
            .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
            .build()
    });
    definitions.collect()
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
    time_to_live_specification: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
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
    projection: IndexProjection,
}

impl Index {
    fn definition(self) -> Result<GlobalSecondaryIndex, BuildError> {
        GlobalSecondaryIndex::builder()
            .index_name(self.index_name)
            .set_key_schema(Some(key_schema(self.key_schema)?))
            .projection(self.projection.definition())
            .build()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexProjection {
    projection_type: String,
    non_key_attributes: Option<Vec<String>>,
}

impl IndexProjection {
    fn definition(self) -> Projection {
        Projection::builder()
            .projection_type(ProjectionType::from(self.projection_type.as_str()))
            .set_non_key_attributes(self.non_key_attributes)
            .build()
    }
}
