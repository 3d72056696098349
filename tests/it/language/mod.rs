//! The expression language does what its specification, `tests/lang/*.yaml`, says, and its manual
//! says nothing else.

mod faces;
mod limits;
mod manual;
mod properties;
mod specification;
mod support;
mod types;
