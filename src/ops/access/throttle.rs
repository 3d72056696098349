//! How often somebody may try: buckets that fill with time, for each address, name or session.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::message::Timestamp;

/// Where a call comes from, as far as limits tell callers apart: of IPv6 the network, for each machine
/// has as many addresses as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address([u8; 16]);

impl Address {
    /// That of an IP address.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => {
                let mut octets = ip.octets();
                octets[8..].fill(0);
                Self(octets)
            }
        }
    }
}

/// A limit: so many at once, and one more each `every`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) at_once: u32,
    pub(super) every: Duration,
}

/// A bucket for each key. Those that are full are forgotten; of more than `most` the one that was
/// used longest ago.
pub(super) struct Buckets<K> {
    limit: Limit,
    most: usize,
    // std, not tokio: held for a few instructions, never across an await.
    all: Mutex<HashMap<K, Bucket>>,
}

/// When a bucket is full again, and when it was last used.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_ms: i64,
    used_ms: i64,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(super) fn new(limit: Limit, most: usize) -> Self {
        Self { limit, most, all: Mutex::default() }
    }

    /// Takes one out of the bucket of `key`; an empty one says how long to wait.
    pub(super) fn take(&self, key: &K, now: Timestamp) -> Result<(), Duration> {
        let now = now.as_millis();
        let every = self.every();
        let room = every.saturating_mul(i64::from(self.limit.at_once));
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let full = all.get(key).map_or(now, |it| it.full_ms.max(now));
        let lacks = full.saturating_add(every).saturating_sub(now).saturating_sub(room);
        if 0 < lacks {
            return Err(Duration::from_millis(lacks.unsigned_abs()));
        }
        if !all.contains_key(key) && self.most <= all.len() {
            make_room(&mut all, now);
        }
        all.insert(key.clone(), Bucket { full_ms: full.saturating_add(every), used_ms: now });
        Ok(())
    }

    /// Puts one back.
    pub(super) fn give_back(&self, key: &K) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = all.get_mut(key) {
            bucket.full_ms = bucket.full_ms.saturating_sub(self.every());
        }
    }

    fn every(&self) -> i64 {
        i64::try_from(self.limit.every.as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

fn make_room<K: Hash + Eq + Clone>(all: &mut HashMap<K, Bucket>, now: i64) {
    let before = all.len();
    all.retain(|_, it| now < it.full_ms);
    if all.len() < before {
        return;
    }
    let oldest = all.iter().min_by_key(|(_, it)| it.used_ms).map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { at_once: 3, every: Duration::from_secs(10) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn so_many_at_once_and_then_one_by_one() {
        let buckets = Buckets::new(LIMIT, 10);
        for _ in 0..3 {
            assert_eq!(buckets.take(&"a", at(0)), Ok(()));
        }
        assert_eq!(buckets.take(&"a", at(0)), Err(Duration::from_secs(10)));
        assert_eq!(buckets.take(&"a", at(4)), Err(Duration::from_secs(6)));
        assert_eq!(buckets.take(&"b", at(4)), Ok(()), "others are not held up");
        assert_eq!(buckets.take(&"a", at(10)), Ok(()));
        assert_eq!(buckets.take(&"a", at(10)), Err(Duration::from_secs(10)));
        buckets.give_back(&"a");
        assert_eq!(buckets.take(&"a", at(10)), Ok(()));
        // A long pause fills it, and no more than that.
        let taken = (0..9).filter(|_| buckets.take(&"a", at(1_000)).is_ok()).count();
        assert_eq!(taken, 3);
    }

    #[test]
    fn there_are_never_more_than_so_many_buckets() {
        let buckets = Buckets::new(LIMIT, 2);
        for key in 0..100 {
            assert_eq!(buckets.take(&key, at(0)), Ok(()));
        }
        assert_eq!(buckets.all.lock().unwrap().len(), 2);
    }

    #[test]
    fn machines_of_one_ipv6_network_are_one() {
        let of = |text: &str| Address::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
