//! The engine: a plan into running tasks.
