//! Every metric: its name, unit and meaning.
