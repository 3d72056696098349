//! The connections that answer questions, each from a snapshot.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};
use tokio_postgres::{Error, Row as Found};

use super::{
    error::{Trouble, told, trouble},
    link::{Link, Role, Server},
    value,
};
use crate::store::{
    Query, Row, StoreError,
    reader::{Asked, ROWS_MAX},
};

/// How long all questions of one call may take; each alone has the server's limit of 1 s.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a reader refuses after it could not connect, so that nobody waits for a server that
/// has just been found gone.
const REFUSES: Duration = Duration::from_millis(250);

/// Answers until nobody can ask any more.
pub(super) async fn run(server: Server, waiting: Arc<Mutex<mpsc::Receiver<Asked>>>) {
    let mut reader = Reader { server, link: None, down: None };
    loop {
        // One reader waits for a question, holding the lock; the others wait for the lock.
        let next = waiting.lock().await.recv().await;
        let Some(Asked { questions, answer }) = next else { return };
        if !answer.is_closed() {
            let _ = answer.send(reader.reply(&questions).await);
        }
    }
}

struct Reader {
    server: Server,
    link: Option<Link>,
    /// Since when the server is gone, and why.
    down: Option<(Instant, StoreError)>,
}

impl Reader {
    /// Answers; once more over a new connection where the old one turns out to be broken.
    async fn reply(&mut self, questions: &[Query]) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut fresh = false;
        loop {
            let mut link = match self.link.take().filter(|it| !it.is_closed()) {
                Some(link) => link,
                None => {
                    fresh = true;
                    self.connect().await?
                }
            };
            let Ok(answer) = timeout(ANSWER_TIME_MAX, ask(&mut link, questions)).await else {
                let seconds = ANSWER_TIME_MAX.as_secs();
                return Err(StoreError::new(format!("cannot read: no answer within {seconds} s")));
            };
            match answer {
                Ok(rows) => {
                    self.link = Some(link);
                    return Ok(rows);
                }
                Err(error) if trouble(&error) == Trouble::Connection && !fresh => {}
                Err(error) => {
                    self.link = Some(link);
                    return Err(told("cannot read", &error));
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Link, StoreError> {
        if let Some((since, reason)) = &self.down
            && since.elapsed() < REFUSES
        {
            return Err(reason.clone());
        }
        let connected = self.server.connect(Role::Reader).await;
        self.down = connected.as_ref().err().map(|it| (Instant::now(), it.clone()));
        connected
    }
}

/// Asks everything in one go: the answers come from one snapshot.
async fn ask(link: &mut Link, questions: &[Query]) -> Result<Vec<Vec<Row>>, Error> {
    for (sql, _) in questions {
        let bounded = |text: &str| format!("SELECT * FROM ({text}) AS answer LIMIT {ROWS_MAX}");
        link.prepare(sql.postgres, bounded).await?;
    }
    if let [(sql, params)] = questions {
        // A statement alone sees one snapshot anyway.
        let found = link.ask(sql.postgres, params).await.answer().await?;
        return Ok(vec![rows(&found)?]);
    }
    let begin = link.send_plain("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    let mut asked = Vec::with_capacity(questions.len());
    for (sql, params) in questions {
        asked.push(link.ask(sql.postgres, params).await);
    }
    // After an error it is a rollback.
    let end = link.send_plain("COMMIT").await;
    begin.answer().await?;
    let mut answers = Vec::with_capacity(questions.len());
    for one in asked {
        answers.push(rows(&one.answer().await?)?);
    }
    end.answer().await?;
    Ok(answers)
}

fn rows(found: &[Found]) -> Result<Vec<Row>, Error> {
    found.iter().map(value::row).collect()
}
