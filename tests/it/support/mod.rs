//! Helpers that several files of tests use.
