//! Helpers that several files of tests use.

pub(crate) mod bus;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod rabbit;
pub(crate) mod scripted;
pub(crate) mod shared;
