//! The operator's listener: so many connections, so much patience, and no more.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::who::Peer;
use crate::metrics::Metrics;

/// Connections at once: a few operators and scrapers. More wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;

/// How long the head of a request may take, an idle connection included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one connection may live: above the longest replay, so that a body that never ends
/// does not hold its place for ever.
const CONNECTION_TIMEOUT: Duration = Duration::from_hours(1);

/// The head of a request; hyper's own limit is twenty times that.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long requests in hand may take once the listener stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after an error of `accept`, most often too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers on `listener` until `stop`, then finishes what is in hand for 5 s at most.
///
/// Dropped, it cuts every connection.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                if ended.is_err_and(|it| it.is_panic()) {
                    metrics.panics.inc();
                }
            }
            accepted = listener.accept(), if room => match accepted {
                Ok((stream, peer)) => {
                    let router = router.clone().layer(Extension(Peer(peer.ip())));
                    connections.spawn(talk(stream, router, graceful.watcher()));
                }
                Err(error) => pause(&error).await,
            },
        }
    }
    drop(listener);
    if timeout(STOP_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("operators' connections were cut: they did not end within 5 s");
    }
    connections.shutdown().await;
}

/// One connection until it ends. Its errors are the other side's affair.
fn talk(
    stream: TcpStream,
    router: Router,
    watcher: Watcher,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let _ = timeout(CONNECTION_TIMEOUT, watcher.watch(connection)).await;
    })
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection to the operators' listener could not be taken");
    sleep(ACCEPT_PAUSE).await;
}
