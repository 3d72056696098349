//! A cable between a gateway and its RabbitMQ that can be pulled.

use std::sync::{Arc, Mutex};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// See the file. Cut for good when dropped.
pub(super) struct Proxy {
    port: u16,
    // std, not tokio: held for a few instructions, never across an await.
    connections: Arc<Mutex<JoinSet<()>>>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// Leads to a port of this machine.
    pub(super) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let (all, mut task) = (Arc::clone(&connections), JoinSet::new());
        task.spawn(async move {
            loop {
                let (here, _) = listener.accept().await.unwrap();
                all.lock().unwrap().spawn(lead(here, to));
            }
        });
        Self { port, connections, _task: task }
    }

    /// The same address, through here.
    pub(super) fn through(&self, address: &str) -> String {
        let (before, after) = address.rsplit_once(':').unwrap();
        let (_, path) = after.split_once('/').unwrap();
        format!("{before}:{}/{path}", self.port)
    }

    /// Cuts every connection that there is; new ones are let through.
    pub(super) fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }
}

async fn lead(mut here: TcpStream, to: u16) {
    if let Ok(mut there) = TcpStream::connect(("127.0.0.1", to)).await {
        let _ = copy_bidirectional(&mut here, &mut there).await;
    }
}
