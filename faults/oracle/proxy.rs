//! A cable that can be pulled: between a gateway and its RabbitMQ, or a system that it calls.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// What is read at once.
const CHUNK: usize = 16 << 10;

/// What a cable does to what goes through it, from now on and to connections that there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Weather {
    /// Nothing.
    Clear,
    /// Each piece comes so much later.
    Delay(Duration),
    /// Answers come byte by byte, with a pause before each.
    Drip(Duration),
    /// A connection ends after so many bytes of answers.
    Cut(usize),
    /// The same, with a reset instead of an end.
    Reset(usize),
    /// A connection is reset after so many bytes of the question.
    ResetAsking(usize),
    /// Nothing is read on either side, and nothing ends: half open. What fell into it stays there.
    Hole,
    /// Questions arrive, and what is answered does not.
    NoAnswers,
    /// New connections are closed at once.
    Refuse,
}

/// See the file. Cut for good when dropped.
pub(crate) struct Proxy {
    port: u16,
    // std, not tokio: held for a few instructions, never across an await.
    connections: Arc<Mutex<JoinSet<()>>>,
    weather: watch::Sender<Weather>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// Leads to a port of this machine.
    pub(crate) async fn start(to: u16) -> Self {
        Self::before(vec![("127.0.0.1".to_owned(), to)]).await
    }

    /// Leads to the first of several that takes the connection, as a load balancer does.
    pub(crate) async fn before(to: Vec<(String, u16)>) -> Self {
        let to: Arc<[(String, u16)]> = to.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let weather = watch::Sender::new(Weather::Clear);
        let (all, mut task, seen) = (Arc::clone(&connections), JoinSet::new(), weather.subscribe());
        task.spawn(async move {
            loop {
                let (here, _) = listener.accept().await.unwrap();
                if *seen.borrow() != Weather::Refuse {
                    spawn(&all, lead(here, Arc::clone(&to), seen.clone()));
                }
            }
        });
        Self { port, connections, weather, _task: task }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The same address, through here.
    pub(crate) fn through(&self, address: &str) -> String {
        let (before, after) = address.rsplit_once('@').unwrap();
        let (_, path) = after.split_once('/').unwrap();
        format!("{before}@127.0.0.1:{}/{path}", self.port)
    }

    /// Cuts every connection that there is; new ones are let through.
    pub(crate) fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }

    /// From now on.
    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    There,
    Back,
}

/// How a direction of a connection came to its end.
enum End {
    Quiet,
    Reset,
}

/// Starts one more, and forgets those that have ended.
fn spawn(all: &Mutex<JoinSet<()>>, task: impl Future<Output = ()> + Send + 'static) {
    let mut all = all.lock().unwrap();
    while all.try_join_next().is_some() {}
    all.spawn(task);
}

/// How long one that may not be there is tried.
const CONNECT_MAX: Duration = Duration::from_secs(1);

async fn connect(to: &[(String, u16)]) -> Option<TcpStream> {
    for (host, port) in to {
        let there = timeout(CONNECT_MAX, TcpStream::connect((&**host, *port))).await;
        if let Ok(Ok(there)) = there {
            return Some(there);
        }
    }
    None
}

async fn lead(here: TcpStream, to: Arc<[(String, u16)]>, weather: watch::Receiver<Weather>) {
    let Some(there) = connect(&to).await else { return };
    let _ = (here.set_nodelay(true), there.set_nodelay(true));
    let (mut from_here, mut to_here) = here.into_split();
    let (mut from_there, mut to_there) = there.into_split();
    let end = {
        let asking = pump(&mut from_here, &mut to_there, (Way::There, weather.clone()));
        let answering = pump(&mut from_there, &mut to_here, (Way::Back, weather));
        tokio::select! { end = asking => end, end = answering => end }
    };
    if let (End::Reset, Ok(here)) = (end, from_here.reunite(to_here)) {
        // Closed with a reset, where a plain close would say that all was well.
        let _ = here.set_zero_linger();
    }
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    (way, mut weather): (Way, watch::Receiver<Weather>),
) -> End {
    let (mut chunk, mut passed) = (vec![0; CHUNK], 0_usize);
    loop {
        let now = *weather.borrow_and_update();
        if now == Weather::Hole {
            return std::future::pending().await;
        }
        let read = tokio::select! {
            changed = weather.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return End::Quiet,
            },
            read = from.read(&mut chunk) => read,
        };
        let Ok(count @ 1..) = read else { return End::Quiet };
        let limit = match (now, way) {
            (Weather::Cut(limit), Way::Back) => Some((limit, End::Quiet)),
            (Weather::Reset(limit), Way::Back) => Some((limit, End::Reset)),
            (Weather::ResetAsking(limit), Way::There) => Some((limit, End::Reset)),
            _ => None,
        };
        let room = limit.as_ref().map_or(count, |(it, _)| count.min(it.saturating_sub(passed)));
        passed += count;
        if write(to, &chunk[..room], now, way).await.is_err() {
            return End::Quiet;
        }
        if let Some((_, end)) = limit.filter(|(it, _)| *it <= passed) {
            return end;
        }
    }
}

async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    weather: Weather,
    way: Way,
) -> std::io::Result<()> {
    match (weather, way) {
        (Weather::NoAnswers, Way::Back) => return Ok(()),
        (Weather::Delay(pause), _) => sleep(pause).await,
        (Weather::Drip(pause), Way::Back) => {
            for byte in bytes {
                sleep(pause).await;
                to.write_all(&[*byte]).await?;
            }
            return Ok(());
        }
        _ => {}
    }
    to.write_all(bytes).await
}
