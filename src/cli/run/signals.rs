//! What the system asks of a running bus.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::CouldNot;

/// What a signal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGHUP.
    Reload,
    /// SIGTERM or SIGINT.
    Stop,
}

/// The signals that the bus listens to.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on signals are kept for [`next`](Self::next), and no longer end the process.
    pub(super) fn listen() -> Result<Self, CouldNot> {
        let listen = |kind| {
            signal(kind).map_err(|error| CouldNot(format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// The next thing that is asked. Safe to drop while it waits.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits for a stop; there is nothing to reload any more.
    pub(super) async fn stop_again(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
