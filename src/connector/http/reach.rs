//! Whether an HTTP system answers: one `HEAD` of its own address, without credentials or a message.

use std::sync::Arc;

use reqwest::StatusCode;

use super::{
    super::{CallError, Class, reach::Reached, reach::TIME_MAX},
    certificate::Until,
    client, judge,
};
use crate::message::{Clock, Timestamp};

/// Dates in headers are whole seconds: on average half a second has passed.
const DATE_PASSED_MS: i64 = 500;

/// Where a system is, and how it is called.
pub(super) struct Door {
    /// Its URL without a slash at its end.
    pub(super) base: String,
    pub(super) https: bool,
    pub(super) ca: Option<String>,
    /// Whether it may be in a private network.
    pub(super) private: bool,
}

impl Door {
    /// Calls over a connection of its own, so that its certificate is looked at now.
    pub(super) async fn reach(&self, clock: &Clock) -> Result<Reached, CallError> {
        let certificate: Arc<Until> = Arc::default();
        let client = client::client(self.https, self.ca.as_deref(), self.private, &certificate)
            .map_err(misconfigured)?;
        let asked = clock.now();
        let call = client.head(&self.base).timeout(TIME_MAX).send();
        let answer = call.await.map_err(judge::failure)?;
        let answered = clock.now();
        let status = answer.status();
        let warning = (status.is_server_error()
            || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED)
            .then(|| format!("answers {status}"));
        let date = judge::date(answer.headers());
        Ok(Reached {
            summary: "answers".to_owned(),
            warning,
            ahead_ms: date.map(|theirs| ahead_ms(theirs, asked, answered)),
            certificate_ends: certificate.get(),
        })
    }
}

/// By how much their clock is ahead of the middle between call and answer.
fn ahead_ms(theirs: Timestamp, asked: Timestamp, answered: Timestamp) -> i64 {
    let ours = asked.as_millis().midpoint(answered.as_millis());
    theirs.as_millis().saturating_add(DATE_PASSED_MS).saturating_sub(ours)
}

fn misconfigured(reason: String) -> CallError {
    CallError {
        class: Class::Misconfigured,
        status: None,
        reason,
        retry_after: None,
        suspicious: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_call() {
        let [asked, answered, theirs] = [10_000, 11_000, 15_000].map(Timestamp::from_millis);
        assert_eq!(ahead_ms(theirs, asked, answered), 5_000);
        assert_eq!(ahead_ms(asked, asked, answered), 0);
    }
}
