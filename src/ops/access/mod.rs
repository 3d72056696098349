//! Who calls, and what he may.

/// Something that one may do and another may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// See that a thing exists, how it fares and why it failed; never a body.
    See,
    /// See the bodies of messages.
    SeeBody,
    /// Send dead letters on again.
    Replay,
    /// Give dead letters up for good.
    Discard,
    /// Pause and free targets, and let order keys go on.
    Pause,
    /// Compare the files on disk with those that run, and take them into use.
    ChangeFiles,
    /// See who looked at what and did what.
    Audit,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::See,
        Self::SeeBody,
        Self::Replay,
        Self::Discard,
        Self::Pause,
        Self::ChangeFiles,
        Self::Audit,
    ];
}

/// What a thing belongs to: a right is held for routes and systems.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Of<'a> {
    /// The route, where it is about one.
    pub route: Option<&'a str>,
    /// The system of a target, where it is about one.
    pub system: Option<&'a str>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    name: String,
}

impl Caller {
    /// Whoever has the token that lies beside the store, and with it the store: he may everything.
    pub fn local() -> Self {
        Self { name: "local".to_owned() }
    }

    /// As whom he is known, and is written into the journal.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether he has a right over a thing.
    pub fn may(&self, _right: Right, _of: &Of<'_>) -> bool {
        true
    }

    /// Whether he has a right over anything at all: what a menu shows.
    pub fn may_somewhere(&self, _right: Right) -> bool {
        true
    }
}
