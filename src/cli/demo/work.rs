//! What the agency's systems send: made up from a seed, or read from files.

use std::{fs, path::Path};

use bytes::Bytes;

use super::{CouldNot, decrees, orders, random::Random, results};

/// A system that publishes, and the route that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    /// `sirekap.hasil`: results of polling stations.
    Results,
    /// `e-sppd.status`: travel orders.
    Orders,
    /// `simpeg.sk`: transfer decrees.
    Decrees,
}

impl Source {
    /// Every source.
    pub(super) const ALL: [Self; 3] = [Self::Results, Self::Orders, Self::Decrees];

    /// The route that reads it.
    pub(super) const fn route(self) -> &'static str {
        match self {
            Self::Results => "hasil-tps",
            Self::Orders => "sppd-terbit",
            Self::Decrees => "sk-mutasi",
        }
    }

    /// The queue that it publishes to where there is a RabbitMQ, instead of posting.
    pub(super) const fn queue(self) -> Option<&'static str> {
        match self {
            Self::Results | Self::Orders => None,
            Self::Decrees => Some(DECREES_QUEUE),
        }
    }

    /// Where it posts to.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Results => "/v1/sirekap/hasil",
            Self::Orders => "/v1/e-sppd/status",
            Self::Decrees => "/v1/simpeg/sk",
        }
    }

    /// The environment variable that holds the hash of its API key.
    pub(super) const fn key_variable(self) -> &'static str {
        match self {
            Self::Results => "SIREKAP_KEY_HASH",
            Self::Orders => "E_SPPD_KEY_HASH",
            Self::Decrees => "SIMPEG_KEY_HASH",
        }
    }
}

/// The personnel system's queue. Not one of simpul's own, whose names begin with `simpul.`.
pub(super) const DECREES_QUEUE: &str = "simpul-demo.simpeg.sk";

/// One document on its way to the bus.
#[derive(Debug, Clone)]
pub(super) struct Post {
    /// Who sends it.
    pub(super) source: Source,
    /// Its `Idempotency-Key`, or its message id in a queue: stays the same however often the sender has to try. A repeat made by
    /// the system itself has a key of its own, as in real life.
    pub(super) key: String,
    /// The document.
    pub(super) body: Bytes,
}

/// Documents of one source, with keys that begin with `prefix`.
pub(super) fn posts(source: Source, prefix: &str, bodies: Vec<String>) -> Vec<Post> {
    let numbered = bodies.into_iter().enumerate();
    numbered
        .map(|(number, body)| Post {
            source,
            key: format!("{prefix}-{number}"),
            body: Bytes::from(body),
        })
        .collect()
}

/// One in this many documents is sent a second time by its own system (53 of 1,000 in reality).
const ONE_REPEAT_IN: usize = 19;
/// Travel orders for each hundred polling stations.
const ORDERS_PERCENT: usize = 12;
/// Decrees for each hundred polling stations.
const DECREES_PERCENT: usize = 6;
/// Fewer than this many orders or decrees would show nothing.
const LEAST: usize = 10;

/// Everything that is sent while nothing is wrong: `count` results, and orders and decrees to go
/// with them. With `data`, the results are the real ones from that folder.
///
/// # Errors
///
/// [`CouldNot`] when the files in `data` cannot be read.
pub(super) fn day(
    data: Option<&Path>,
    count: usize,
    random: &mut Random,
) -> Result<Vec<Post>, CouldNot> {
    let mut all = match data {
        Some(folder) => real_results(folder)?,
        None => with_repeats(Source::Results, "tps", results::documents(count, random), random),
    };
    let number = (count * ORDERS_PERCENT / 100).max(LEAST);
    let documents = orders::documents("A", number, random);
    all.extend(with_repeats(Source::Orders, "sppd", documents, random));
    let number = (count * DECREES_PERCENT / 100).max(LEAST);
    let documents = decrees::documents(number, random);
    all.extend(with_repeats(Source::Decrees, "sk", documents, random));
    Ok(all)
}

fn with_repeats(
    source: Source,
    prefix: &str,
    documents: Vec<String>,
    random: &mut Random,
) -> Vec<Post> {
    let mut order: Vec<usize> = (0..documents.len()).collect();
    random.shuffle(&mut order);
    order.truncate(documents.len() / ONE_REPEAT_IN);
    let again = order.iter().filter_map(|it| documents.get(*it).cloned()).collect();
    let mut all = posts(source, prefix, documents);
    all.extend(posts(source, &format!("{prefix}-again"), again));
    all
}

/// The files of the real results: all stations, and those that came a second time.
const FILES: [(&str, &str); 2] =
    [("tps_1000_20240216.jsonl", "tps"), ("tps_53_duplikat.jsonl", "tps-again")];

fn real_results(folder: &Path) -> Result<Vec<Post>, CouldNot> {
    let mut all = Vec::new();
    for (file, prefix) in FILES {
        let path = folder.join(file);
        let text = fs::read_to_string(&path)
            .map_err(|error| CouldNot(format!("cannot read `{}`: {error}", path.display())))?;
        let lines = text.lines().filter(|it| !it.trim().is_empty()).map(str::to_owned).collect();
        all.extend(posts(Source::Results, prefix, lines));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_day_and_every_post_has_its_own_key() {
        let day = |seed| day(None, 200, &mut Random::new(seed)).unwrap();
        let texts = |seed| day(seed).into_iter().map(|it| it.body).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
        let keys: std::collections::HashSet<_> = day(1).into_iter().map(|it| it.key).collect();
        assert_eq!(keys.len(), day(1).len());
        assert_eq!(day(1).iter().filter(|it| it.key.starts_with("tps-again")).count(), 10);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = day(Some(Path::new("no-such-folder")), 1, &mut Random::new(1)).unwrap_err();
        assert!(error.0.contains("no-such-folder/tps_1000_20240216.jsonl"), "{error}");
    }
}
