//! Routes: files into a [`Plan`], or diagnostics. After `Plan` nothing can be misconfigured.
//!
//! [`Project`] reads the files of a directory, [`load`] compiles them. Everything wrong in any of
//! them is found in one go; a set of files with one mistake is not used at all.

mod alone;
mod check;
mod compile;
mod drawn;
mod file;
mod fill;
mod flow;
mod bodies;
mod load;
mod names;
mod outline;
mod pieces;
mod plan;
mod retry;
mod routes;
mod stand_in;
mod systems;
mod typed;
mod unused;

pub use self::{
    alone::{check_route, check_system},
    compile::{Given, Loaded, load},
    drawn::{Refusal, refused},
    file::{DestinationSpec, IdentityBody, IdentitySpec, OwnerSpec, RouteFile, SystemFile},
    fill::Variables,
    load::{Broken, FOLDERS, Project, Texts},
    outline::{Outline, RouteOutline, SystemOutline, TargetOutline},
    plan::{
        Bodies, Destination, Identity, NamedStep, OnExhausted, OpenPlanTarget, Plan, PlanSource,
        RetryPolicy, Route, Search, Unmatched,
    },
    retry::RetrySpec,
    stand_in::{BODY_KEY, HASH_KEY},
};
pub use crate::connector::Classification;
