//! The embedded broker: durable queues on the store, for one process.
