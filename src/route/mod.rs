//! Routes: files into a [`Plan`], or diagnostics. After `Plan` nothing can be misconfigured.

mod plan;

pub use self::plan::{
    Destination, Identity, NamedStep, OpenPlanTarget, Plan, PlanSource, RetryPolicy, Route,
    Unmatched,
};
