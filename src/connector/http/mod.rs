//! HTTP: targets that are called, and sources that call `POST /v1/{system}/{source}`.
