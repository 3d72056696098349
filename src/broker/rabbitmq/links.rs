//! Connections to consume over: as many as the channels need.

use std::sync::{Mutex, PoisonError};

use crate::amqp::{Address, Link, Tls};

/// Channels on one connection. RabbitMQ allows 2,047 unless it was told otherwise.
const CHANNELS_MAX: usize = 1_000;

/// Connections, made when the ones before are full.
pub(super) struct Links {
    address: Address,
    tls: Tls,
    // std, not tokio: held for a few instructions, never across an await.
    open: Mutex<(Vec<Link>, usize)>,
}

impl Links {
    pub(super) fn new(address: Address, tls: Tls) -> Self {
        Self { address, tls, open: Mutex::default() }
    }

    /// A connection with room for one more channel.
    pub(super) fn link(&self) -> Link {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (links, taken) = &mut *open;
        let number = *taken / CHANNELS_MAX;
        *taken += 1;
        if let Some(link) = links.get(number) {
            return link.clone();
        }
        let link = Link::open(self.address.clone(), "consuming", self.tls.clone());
        links.push(link.clone());
        link
    }

    /// Why one of them is not connected, if one is not.
    pub(super) fn obstacle(&self) -> Option<String> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.0.iter().find_map(Link::obstacle)
    }

    pub(super) async fn close(&self) {
        let links = std::mem::take(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner).0);
        for link in links {
            link.close().await;
        }
    }
}
