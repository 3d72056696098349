//! Senders of staff records: as fast as the bus takes them, or at a fixed rate.

#![allow(dead_code, reason = "no bench needs all of it")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::wire::{Arrivals, Connection};
use crate::records::staff;

/// Different records, made before the first is sent.
const DOCUMENTS: usize = 500;

/// Records with a gap for the moment at which they are due.
pub(crate) struct Documents(Vec<[Vec<u8>; 2]>);

impl Documents {
    /// Staff records.
    pub(crate) fn new() -> Arc<Self> {
        Self::of((0..DOCUMENTS).map(staff::document))
    }

    /// Records with `"t_ns":` and a number in them.
    pub(crate) fn of(records: impl Iterator<Item = Vec<u8>>) -> Arc<Self> {
        let cut = |record| {
            let text = String::from_utf8(record).unwrap();
            let (before, behind) = text.split_once("\"t_ns\":").unwrap();
            let behind = behind.trim_start_matches(|it: char| it.is_ascii_digit());
            [format!("{before}\"t_ns\":").into_bytes(), behind.as_bytes().to_vec()]
        };
        Arc::new(Self(records.map(cut).collect()))
    }

    pub(crate) fn at(&self, index: usize, stamp: &str) -> Vec<u8> {
        let [before, behind] = &self.0[index % self.0.len()];
        [before, stamp.as_bytes(), behind].concat()
    }
}

/// Where and how a record is sent.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) address: String,
    /// The call without its length: `POST /v1/… HTTP/1.1` and headers.
    pub(crate) head: String,
    pub(crate) documents: Arc<Documents>,
    pub(crate) arrivals: Arc<Arrivals>,
}

impl Way {
    /// `senders` connections, each of which sends the next record when the last was answered;
    /// returns how long each answer took.
    pub(crate) async fn flood(&self, senders: usize, time: Duration) -> Vec<Duration> {
        let end = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for sender in 0..senders {
            let way = self.clone();
            tasks.spawn(async move {
                let mut connection = Connection::open(&way.address).await.unwrap();
                let (mut took, mut index) = (Vec::new(), sender * 7);
                while Instant::now() < end {
                    let start = Instant::now();
                    way.send(&mut connection, index, start).await;
                    took.push(start.elapsed());
                    index += 1;
                }
                took
            });
        }
        tasks.join_all().await.into_iter().flatten().collect()
    }

    /// `rate` records a second, each due at its moment whether or not the one before was answered
    /// by then; returns how many.
    pub(crate) async fn pace(&self, senders: usize, rate: usize, time: Duration) -> usize {
        let start = Instant::now();
        let count = (rate as f64 * time.as_secs_f64()) as usize;
        let mut tasks = JoinSet::new();
        for sender in 0..senders {
            let way = self.clone();
            tasks.spawn(async move {
                let mut connection = Connection::open(&way.address).await.unwrap();
                for index in (sender..count).step_by(senders) {
                    let due = start + Duration::from_secs_f64(index as f64 / rate as f64);
                    tokio::time::sleep_until(due.into()).await;
                    way.send(&mut connection, index, due).await;
                }
            });
        }
        tasks.join_all().await;
        count
    }

    async fn send(&self, connection: &mut Connection, index: usize, due: Instant) {
        let body = self.documents.at(index, &self.arrivals.stamp(due));
        let (status, answer) = connection.call(&self.head, &body).await.unwrap();
        assert!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(&answer));
    }

    /// Waits until so many have arrived.
    pub(crate) async fn arrived(&self, count: usize) {
        while self.arrivals.count() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
