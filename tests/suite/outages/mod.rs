//! What is around the server fails (quality 3, rows 12 to 15): callers are told in time, and nothing
//! is lost or done by half.

mod dynamodb;
mod postgres;
mod thaw;
mod zapi;
