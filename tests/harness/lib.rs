//! What the tests stand on: databases, a z-api, proxies.
