//! The floor: a file, a thread that appends whatever has gathered, one `fdatasync` for all of it.
//! What is taken out again comes from memory, and is not even looked at.

use std::{
    fs::File,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::{BATCH, BODY, Queue};

/// Bytes that simpul keeps beside a body: headers, id, times, checksum.
const BESIDE: usize = 90;

/// Bytes that say that a message was settled.
const SETTLED: usize = 16;

/// Appends in one go, as many as simpul's writer takes.
const GATHERED_MAX: usize = 1_024;

/// Messages that may wait to be taken out.
const WAITING_MAX: usize = 4_000_000;

#[derive(Clone)]
pub(super) struct Floor(Arc<Inner>);

struct Inner {
    jobs: mpsc::Sender<Job>,
    stored: mpsc::Sender<()>,
    waiting: Mutex<mpsc::Receiver<()>>,
    syncs: Arc<AtomicU64>,
}

struct Job {
    bytes: Vec<u8>,
    durable: oneshot::Sender<()>,
}

impl Floor {
    pub(super) async fn open() -> Self {
        // Not the system's folder for such things, which may be in memory.
        let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (jobs, waiting_jobs) = mpsc::channel(GATHERED_MAX);
        let (stored, waiting) = mpsc::channel(WAITING_MAX);
        let syncs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&syncs);
        // Ends with the last sender of jobs.
        thread::spawn(move || append(file, waiting_jobs, &counted));
        Self(Arc::new(Inner { jobs, stored, waiting: Mutex::new(waiting), syncs }))
    }

    async fn append(&self, bytes: Vec<u8>) {
        let (durable, done) = oneshot::channel();
        self.0.jobs.send(Job { bytes, durable }).await.unwrap();
        done.await.unwrap();
    }
}

fn append(mut file: File, mut jobs: mpsc::Receiver<Job>, syncs: &AtomicU64) {
    let mut bytes = Vec::new();
    while let Some(first) = jobs.blocking_recv() {
        bytes.clear();
        let mut gathered = vec![first];
        while gathered.len() < GATHERED_MAX
            && let Ok(next) = jobs.try_recv()
        {
            gathered.push(next);
        }
        gathered.iter().for_each(|it| bytes.extend_from_slice(&it.bytes));
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        syncs.fetch_add(1, Ordering::Relaxed);
        for job in gathered {
            let _ = job.durable.send(());
        }
    }
}

impl Queue for Floor {
    async fn publish(&self) {
        self.append(vec![b'x'; BODY + BESIDE]).await;
        // Nobody takes it where only publishing is measured.
        let _ = self.0.stored.try_send(());
    }

    async fn drain(self, settled: Arc<AtomicU64>) {
        let mut waiting = self.0.waiting.lock().await;
        let mut taken = Vec::with_capacity(BATCH);
        loop {
            let count = waiting.recv_many(&mut taken, BATCH).await;
            taken.clear();
            self.append(vec![0; count * SETTLED]).await;
            settled.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    fn commits(&self) -> u64 {
        self.0.syncs.load(Ordering::Relaxed)
    }
}
