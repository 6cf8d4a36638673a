//! zapi
