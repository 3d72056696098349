//! Routes: files into a [`Plan`], or diagnostics. After `Plan` nothing can be misconfigured.
//!
//! [`Project`] reads the files of a directory, [`load`] compiles them. Everything wrong in any of
//! them is found in one go; a set of files with one mistake is not used at all.

mod alone;
mod check;
mod compile;
mod file;
mod fill;
mod load;
mod pieces;
mod plan;
mod retry;
mod routes;
mod systems;
mod typed;

pub use self::{
    alone::{check_route, check_system},
    compile::{Given, Loaded, load},
    file::{DestinationSpec, IdentityBody, IdentitySpec, OwnerSpec, RouteFile, SystemFile},
    fill::Variables,
    load::{Broken, FOLDERS, Project, Texts},
    plan::{
        Destination, Identity, NamedStep, OnExhausted, OpenPlanTarget, Plan, PlanSource,
        RetryPolicy, Route, Unmatched,
    },
    retry::RetrySpec,
};
pub use crate::connector::Classification;
