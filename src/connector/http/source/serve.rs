//! Connections: how many, how long, and how they end.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{IngestLimits, OnRefusal, problem::ProblemCode};

/// Bytes of a call that are read ahead: the limit of its headers.
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// Headers that a call may have.
const HEADERS_MAX: usize = 100;

/// The pause after a connection could not be accepted: mostly no file descriptor is left, and
/// some connection has to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` until `stop`: then no connection is accepted any more, calls in hand are
/// finished, and it returns once the last connection has ended, or after the time of `limits`.
///
/// Dropping the future ends all connections at once.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: IngestLimits,
    on_refusal: OnRefusal,
    stop: CancellationToken,
) {
    let connection = Connection {
        router,
        time_max: limits.connection_time_max,
        drain_time_max: limits.drain_time_max,
        http: http(&limits),
        on_refusal: Arc::clone(&on_refusal),
        stop: stop.clone(),
    };
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    // A further connection waits with the operating system until one of ours has ended.
    while let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await
    {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
        let Ok((stream, _)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while let Some(ended) = connections.try_join_next() {
            count_panic(&ended, &on_refusal);
        }
        let connection = connection.clone();
        connections.spawn(async move {
            connection.run(stream).await;
            drop(place);
        });
    }
    drop(listener);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            count_panic(&ended, &on_refusal);
        }
    };
    // What is left then is a call that hangs; dropping the set ends it.
    let _ = timeout(limits.drain_time_max, all).await;
}

/// What every connection is served with.
#[derive(Clone)]
struct Connection {
    router: Router,
    http: http1::Builder,
    time_max: Duration,
    drain_time_max: Duration,
    on_refusal: OnRefusal,
    stop: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Answers are small and single: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router);
        let mut served = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
            () = sleep(self.time_max) => {
                served.as_mut().graceful_shutdown();
                // Who does not even read his answer is left.
                timeout(self.drain_time_max, served).await.unwrap_or(Ok(()))
            }
        };
        if let Some(code) = ended.err().as_ref().and_then(refusal) {
            (self.on_refusal)(code.as_str());
        }
    }
}

fn http(limits: &IngestLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers_time_max)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEADERS_BYTES_MAX)
        .max_buf_size(HEADERS_BYTES_MAX);
    http
}

/// The refusals that are spoken before a call reaches the router, if at all.
fn refusal(error: &hyper::Error) -> Option<ProblemCode> {
    match error {
        it if it.is_parse_too_large() => Some(ProblemCode::HeadersTooLarge),
        it if it.is_parse() => Some(ProblemCode::RequestMalformed),
        // The other side went away, or its headers did not come; an unused connection ends in
        // the same way, so that is not counted.
        _ => None,
    }
}

fn count_panic(ended: &Result<(), JoinError>, on_refusal: &OnRefusal) {
    if ended.as_ref().is_err_and(JoinError::is_panic) {
        on_refusal(ProblemCode::Bug.as_str());
    }
}
