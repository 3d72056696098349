//! Helpers that several files of tests use.

pub(crate) mod bus;
pub(crate) mod postgres;
pub(crate) mod scripted;
pub(crate) mod shared;
pub(crate) mod tls;

pub(crate) use crate::oracle::{process, rabbit};
