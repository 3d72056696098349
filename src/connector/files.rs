//! Files: a target that appends each delivery as a line of NDJSON, synced.
