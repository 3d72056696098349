//! The two quorum queues, and what takes messages from the one to the other.

use std::time::{Duration, Instant};

use simpul::amqp::{
    Address, Admin, Argument, Link, Properties, Publication, Publisher, QueueSpec, Tls,
};

use super::{
    FROM, Subject, TO,
    bus::{Bus, Process, Project},
    floor::{self, Work},
};
use crate::records::staff;

/// Two quorum queues of a virtual host of their own.
pub(super) struct Queues {
    pub(super) url: String,
    admin: Admin,
    publisher: Publisher,
}

/// A subject at work, as a process of its own.
pub(super) enum Running {
    Simpul(Bus, #[expect(dead_code, reason = "held for its folder")] Project),
    Floor(Process),
}

impl Running {
    /// Seconds of processor so far.
    pub(super) fn cpu(&self) -> f64 {
        match self {
            Self::Simpul(bus, _) => bus.cpu(),
            Self::Floor(process) => process.cpu(),
        }
    }

    /// Mebibytes of memory, at most so far.
    pub(super) fn memory(&self) -> f64 {
        let [_, most] = match self {
            Self::Simpul(bus, _) => bus.resident(),
            Self::Floor(process) => process.resident(),
        };
        most
    }

    pub(super) fn stop(self) {
        if let Self::Simpul(bus, _) = self {
            assert!(bus.stop(), "it does not stop well");
        }
    }
}

impl Queues {
    pub(super) async fn new(url: String) -> Self {
        let link = Link::open(Address::parse(&url).unwrap(), "ukur", Tls::default());
        assert!(link.connected().await);
        let (admin, publisher) = (Admin::new(&link), Publisher::open(&link));
        for name in [FROM, TO] {
            let arguments = vec![("x-queue-type", Argument::Text("quorum".to_owned()))];
            admin.declare(&QueueSpec { name: name.to_owned(), arguments }).await.unwrap();
        }
        Self { url, admin, publisher }
    }

    /// Puts that many records into the first of them.
    pub(super) async fn fill(&self, messages: usize) {
        for first in (0..messages).step_by(500) {
            let all = (first..(first + 500).min(messages)).map(publication).collect();
            self.publisher.publish_all(all).await.into_iter().for_each(|it| it.unwrap());
        }
    }

    pub(super) fn start(&self, subject: Subject) -> Running {
        let floor = |work| Running::Floor(Process::start(&mut floor::command(&self.url, work)).0);
        match subject {
            Subject::Short => self.simpul(&self.url),
            Subject::Usual => self.simpul("embedded"),
            Subject::Floor => floor(Work::Map),
            Subject::Headers => floor(Work::Headers),
            Subject::Passing => floor(Work::Pass),
        }
    }

    fn simpul(&self, broker: &str) -> Running {
        let project = Project::new();
        let settings = "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\n";
        project.write("simpul.yaml", &format!("{settings}broker: {broker}\n"));
        let system = |name: &str, what: &str| {
            format!("system: {name}\nname: Antrean\namqp:\n  url: {}\n{what}", self.url)
        };
        let source = format!("  sources:\n    data: {{ queue: {FROM}, prefetch: 500 }}\n");
        project.write("connectors/asal.yaml", &system("asal", &source));
        let target = format!("  targets:\n    terima: {{ queue: {TO} }}\n");
        project.write("connectors/tujuan.yaml", &system("tujuan", &target));
        project.write("routes/ukur.yaml", staff::ROUTE);
        Running::Simpul(Bus::start(&project), project)
    }

    /// Waits until that many are through; messages a second while the tenth to the nine tenth came.
    pub(super) async fn rate(&self, messages: usize) -> f64 {
        let (mut begun, mut ended) = (None, None);
        loop {
            let count = self.admin.counts(TO).await.unwrap().map_or(0, |it| it.ready) as usize;
            let now = (Instant::now(), count);
            if messages / 10 <= count {
                begun.get_or_insert(now);
            }
            if messages * 9 / 10 <= count {
                ended.get_or_insert(now);
            }
            if messages <= count
                && let Some(((begun, first), (ended, last))) = begun.zip(ended)
            {
                return (last - first) as f64 / (ended - begun).as_secs_f64();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn publication(index: usize) -> Publication {
    let properties = Properties {
        persistent: true,
        message_id: Some(format!("ukur-{index}")),
        content_type: Some("application/json".to_owned()),
        ..Properties::default()
    };
    let routing_key = FROM.to_owned();
    let body = staff::document(index).into();
    Publication { exchange: String::new(), routing_key, properties, body }
}
