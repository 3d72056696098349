//! One connection: how it is made, its prepared statements, how it pipelines.

use std::{
    collections::{HashMap, hash_map::Entry},
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Error, Row as Found, Statement};

use super::{address::Address, error::told, tls::Tls};
use crate::store::{Param, StoreError};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that writes.
    Writer,
    /// One of those that only read.
    Reader,
}

/// How long connecting may take, name look-up, TLS and settings included.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// After how long without a word the network is asked whether the server is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);

/// How long what was sent may stay unconfirmed by the network: a dead machine is noticed so.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(15);

/// The oldest server that is known to do what is needed, as it numbers itself.
const VERSION_MIN: i32 = 130_000;

/// How and where to connect.
#[derive(Clone)]
pub(super) struct Server {
    address: Address,
    tls: Tls,
}

/// A connection.
pub(super) struct Link {
    client: Client,
    prepared: HashMap<&'static str, Statement>,
    /// Carries the bytes; ends with the connection. Dropped, it closes it.
    driver: JoinSet<()>,
}

/// A statement on its way, or already answered.
pub(super) enum Sent<'a, T> {
    Waiting(Call<'a, T>),
    Answered(Result<T, Error>),
}

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl Server {
    pub(super) fn new(address: &Address) -> Result<Self, StoreError> {
        let mut address = address.clone();
        let tls = match address.config.get_ssl_mode() {
            SslMode::Disable => Tls::none(),
            _ => Tls::checked(address.authority())?,
        };
        let config = &mut address.config;
        config.keepalives_idle(KEEPALIVE_IDLE).tcp_user_timeout(UNCONFIRMED_MAX);
        if config.get_application_name().is_none() {
            config.application_name("simpul");
        }
        Ok(Self { address, tls })
    }

    /// Makes a connection.
    pub(super) async fn connect(&self, role: Role) -> Result<Link, StoreError> {
        let what = format!("PostgreSQL at `{}` cannot be used", self.address.shown());
        match timeout(CONNECT_TIME_MAX, self.connect_as(role, &what)).await {
            Ok(link) => link,
            Err(_) => {
                let seconds = CONNECT_TIME_MAX.as_secs();
                Err(StoreError::new(format!("{what}: no answer within {seconds} s")))
            }
        }
    }

    async fn connect_as(&self, role: Role, what: &str) -> Result<Link, StoreError> {
        let failed = |error: &Error| told(what, error);
        let connected = self.address.config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| failed(&error))?;
        let mut driver = JoinSet::new();
        // Whoever waits for an answer learns why it ended.
        driver.spawn(async move { drop(connection.await) });
        let link = Link { client, prepared: HashMap::new(), driver };
        link.client.batch_execute(settings(role)).await.map_err(|error| failed(&error))?;
        if role == Role::Writer {
            let facts = link.client.query_one(FACTS, &[]).await.map_err(|error| failed(&error))?;
            if let Some(wrong) = unfit(&facts).map_err(|error| failed(&error))? {
                return Err(StoreError::new(format!("{what}: {wrong}")));
            }
        }
        Ok(link)
    }
}

/// A commit returns when it is on the server's disk, whatever the server's own setting is; where
/// it is set to wait for standbys too, it does. Whoever holds rows and says nothing for a minute
/// is gone.
fn settings(role: Role) -> &'static str {
    match role {
        Role::Writer => {
            "SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');
             SET statement_timeout = '20s';
             SET idle_in_transaction_session_timeout = '60s';"
        }
        Role::Reader => {
            "SET default_transaction_read_only = on;
             SET statement_timeout = '1s';
             SET idle_in_transaction_session_timeout = '60s';"
        }
    }
}

const FACTS: &str = "
    SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
           current_setting('fsync'), pg_is_in_recovery()";

/// Why a server cannot keep what simpul promises.
fn unfit(facts: &Found) -> Result<Option<&'static str>, Error> {
    let version: i32 = facts.try_get(0)?;
    let (encoding, fsync): (&str, &str) = (facts.try_get(1)?, facts.try_get(2)?);
    let standby: bool = facts.try_get(3)?;
    Ok(if version < VERSION_MIN {
        Some("it is older than version 13, with which simpul is known to work; update it")
    } else if standby {
        Some("it is a standby, which takes no writes; name the primary")
    } else if encoding != "UTF8" {
        Some("its database does not have the encoding UTF8; create one that has")
    } else if fsync != "on" {
        Some(
            "its `fsync` is off, so that a power cut would lose what simpul has confirmed; turn it on",
        )
    } else {
        None
    })
}

impl Link {
    /// Ends when the connection does.
    pub(super) async fn ended(&mut self) {
        while self.driver.join_next().await.is_some() {}
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The client itself, for what is done once.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Prepares a statement at its first use; `text` makes what the server reads.
    pub(super) async fn prepare(
        &mut self,
        sql: &'static str,
        text: impl FnOnce(&str) -> String,
    ) -> Result<(), Error> {
        if let Entry::Vacant(vacant) = self.prepared.entry(sql) {
            // `?1` there is `$1` here; no statement of ours has a `?` for anything else.
            let text = text(&sql.replace('?', "$"));
            vacant.insert(self.client.prepare(&text).await?);
        }
        Ok(())
    }

    /// Sends a statement without values.
    pub(super) async fn send_plain(&self, sql: &'static str) -> Sent<'_, u64> {
        send(Box::pin(async move { self.client.batch_execute(sql).await.map(|()| 0) })).await
    }

    /// Sends a prepared statement that changes something; the answer is how many rows.
    pub(super) async fn send<'a>(
        &'a self,
        sql: &'static str,
        params: &'a [Param],
    ) -> Sent<'a, u64> {
        match self.prepared.get(sql) {
            Some(statement) => send(Box::pin(self.client.execute_raw(statement, params))).await,
            // Cannot be: it was prepared before. The server would do it all the same.
            None => send(Box::pin(self.client.execute_raw(sql, params))).await,
        }
    }

    /// Sends a prepared statement that asks something.
    pub(super) async fn ask<'a>(
        &'a self,
        sql: &'static str,
        params: &'a [Param],
    ) -> Sent<'a, Vec<Found>> {
        let asked = async move {
            let params: Vec<_> = params.iter().map(|it| it as _).collect();
            match self.prepared.get(sql) {
                Some(statement) => self.client.query(statement, &params).await,
                None => self.client.query(sql, &params).await,
            }
        };
        send(Box::pin(asked)).await
    }
}

/// Looks at a call once: that puts it on its way, behind those that were sent before.
async fn send<T>(mut call: Call<'_, T>) -> Sent<'_, T> {
    let now = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    match now {
        Poll::Ready(answer) => Sent::Answered(answer),
        Poll::Pending => Sent::Waiting(call),
    }
}

impl<T> Sent<'_, T> {
    /// Waits for the answer.
    pub(super) async fn answer(self) -> Result<T, Error> {
        match self {
            Self::Answered(answer) => answer,
            Self::Waiting(call) => call.await,
        }
    }
}
