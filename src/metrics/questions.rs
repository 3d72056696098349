//! The question that each metric answers, as somebody asks it who has a reason to look.

use super::table::Metric;

/// Each metric's name, and the question.
const QUESTIONS: &[(&str, &str)] = &[
    ("simpul_messages_received_total", "How much comes in?"),
    ("simpul_messages_ended_total", "What becomes of what comes in?"),
    ("simpul_bodies_kept_bytes_total", "How much do the bodies take that routes keep?"),
    ("simpul_deliveries_created_total", "How much is to be sent where?"),
    ("simpul_deliveries_ended_total", "How does it end: is it delivered?"),
    ("simpul_deliveries_skipped_total", "Does a `when` let as much through as was meant?"),
    ("simpul_attempts_total", "What does a target answer?"),
    ("simpul_retries_total", "How much is tried more than once?"),
    ("simpul_deliveries_parked", "How much waits behind a dead letter?"),
    ("simpul_order_keys_waiting", "Do keys that are tried again take all places (`prefetch`)?"),
    ("simpul_order_keys_held", "How many keys wait for an operator?"),
    ("simpul_dead_letters_total", "What is given up, where, and why?"),
    ("simpul_dead_letters", "What waits for an operator's decision?"),
    ("simpul_delivery_duration_seconds", "How long does a message take from end to end?"),
    ("simpul_attempt_duration_seconds", "How long does a target take to answer?"),
    ("simpul_queue_entries", "How much waits?"),
    ("simpul_queue_delayed_entries", "How much of it waits for its next attempt?"),
    ("simpul_queue_oldest_age_seconds", "How long has somebody waited: is the promise kept?"),
    ("simpul_target_breaker_state", "Are calls to a target held back?"),
    ("simpul_target_paused", "Is a target paused?"),
    ("simpul_target_paused_by_operator", "Did somebody mean it to be?"),
    ("simpul_target_failing_since_timestamp_seconds", "Since when is a target down?"),
    ("simpul_target_certificate_expiry_timestamp_seconds", "Will a target's certificate hold?"),
    ("simpul_source_connected", "Can messages of a queue be fetched?"),
    ("simpul_source_last_message_timestamp_seconds", "How long has a source been silent?"),
    ("simpul_reload_last_success_timestamp_seconds", "When did the files change last?"),
    ("simpul_reload_last_successful", "Are the files on the disk those that run?"),
    ("simpul_reload_failures_total", "How often were files refused?"),
    ("simpul_generation", "Which files run: did it get worse with a change of them?"),
    ("simpul_store_commit_duration_seconds", "How long does the disk take?"),
    ("simpul_store_commit_jobs", "How much work shares one commit?"),
    ("simpul_ingest_refused_total", "Which senders' requests are refused, and why?"),
    ("simpul_panics_total", "Has simpul a bug?"),
    ("simpul_broker_errors_total", "Do calls to broker or store fail?"),
    ("simpul_broker_up", "Do queues work?"),
    ("simpul_damaged_entries", "Does the disk keep what it is given?"),
    ("simpul_disk_free_bytes", "How much room is left?"),
    ("simpul_disk_low", "Is nothing accepted for want of room?"),
    ("simpul_disk_low_limit_bytes", "How much room must be left?"),
    ("simpul_journal_behind_seconds", "Is everything that happened written down?"),
    ("simpul_trace_spans_total", "Do traces reach their receiver whole?"),
    ("simpul_build_info", "Which version runs?"),
    ("simpul_process_start_time_seconds", "When was it started: does it end again and again?"),
];

impl Metric {
    /// The question that it answers.
    pub fn question(&self) -> &'static str {
        let asked = QUESTIONS.iter().find(|(name, _)| *name == self.name);
        asked.map_or("", |(_, question)| question)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::TABLE, *};

    #[test]
    fn each_metric_answers_a_question() {
        let named: Vec<_> = QUESTIONS.iter().map(|(name, _)| *name).collect();
        let all: Vec<_> = TABLE.iter().map(|it| it.name).collect();
        assert_eq!(named, all);
    }
}
