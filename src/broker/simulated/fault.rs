//! What goes wrong, and what is done wrong on purpose.

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The step is done.
    None,
    /// It is refused, or its answer is lost: nobody knows.
    Fails,
    /// The process dies there.
    Dies,
}

/// A bug that tests put in on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Deliveries leave their queue before what was decided about them is stored.
    AcknowledgesFirst,
    /// What is to be tried again leaves its queue.
    ForgetsRetries,
    /// What was handed out before does not say so.
    ForgetsRedeliveries,
    /// What is put into a queue is taken for stored when it is not.
    LosesOutputs,
}

/// Decides about each step.
pub(crate) type Faults = Box<dyn FnMut() -> Fault + Send>;
