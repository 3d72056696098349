//! What the operator sees, over HTTP: metrics, health, and the calls behind `simpul dead` and the like.
