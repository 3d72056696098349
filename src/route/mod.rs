//! Routes: files into a [`Plan`], or diagnostics. After `Plan` nothing can be misconfigured.
//!
//! [`Project`] reads the files of a directory, [`load`] compiles them. Everything wrong in any of
//! them is found in one go; a set of files with one mistake is not used at all.

mod alone;
mod bodies;
mod check;
mod compile;
mod directory;
mod drawn;
mod file;
mod fill;
mod flow;
mod kept;
mod load;
mod names;
mod outline;
mod pieces;
mod plan;
mod retry;
mod routes;
mod schema_fields;
mod stand_in;
mod systems;
mod typed;
mod unused;

pub use self::{
    alone::{check_route, check_system},
    compile::{Given, Loaded, load},
    directory::{Directory, EndEntry, RouteEntry, SystemEntry, ToEntry},
    drawn::{Refusal, refused},
    file::{DestinationSpec, IdentityBody, IdentitySpec, OwnerSpec, RouteFile, SystemFile},
    fill::Variables,
    kept::{PlanFile, digest_of_files},
    load::{Broken, FOLDERS, Project, Texts},
    outline::{Outline, RouteOutline, SystemOutline, TargetOutline},
    plan::{
        Bodies, Destination, Identity, NamedStep, OnExhausted, OpenPlanTarget, Plan, PlanSource,
        RetryPolicy, Route, Search, Unmatched,
    },
    retry::RetrySpec,
    schema_fields::{Field, SchemaEntry},
    stand_in::{BODY_KEY, HASH_KEY},
};
pub use crate::connector::Classification;
