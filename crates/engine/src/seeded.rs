//! Bugs on purpose: the crash test switches each on and must turn red. Compiled into
//! debug builds only; in a release [`Bug::is_on`] is the constant `false`.

/// A known way to lose or double mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The cursor is stored before the items of its page.
    CursorBeforeItems,
    /// An unanswered put is repeated without a look.
    BlindRetry,
    /// One look instead of two a grace apart.
    NoGrace,
    /// Items with equal keys count as one.
    EqualKeysMerged,
    /// A matching header counts although the body differs.
    BodyIgnored,
    /// Windows are opened after the first put.
    WindowAfterPut,
    /// What users moved or deleted at the target is put again.
    UserIgnored,
    /// Marks move up past puts that are not in the ledger.
    MarkTooEarly,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 8] = [
        Bug::CursorBeforeItems,
        Bug::BlindRetry,
        Bug::NoGrace,
        Bug::EqualKeysMerged,
        Bug::BodyIgnored,
        Bug::WindowAfterPut,
        Bug::UserIgnored,
        Bug::MarkTooEarly,
    ];

    /// Whether it is switched on.
    #[cfg(debug_assertions)]
    pub fn is_on(self) -> bool {
        ON.with(|on| on.get() == Some(self))
    }

    /// Whether it is switched on.
    #[cfg(not(debug_assertions))]
    #[inline(always)]
    pub fn is_on(self) -> bool {
        false
    }
}

#[cfg(debug_assertions)]
thread_local! {
    static ON: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Switches a bug on for this thread, or all off.
#[cfg(debug_assertions)]
pub fn switch(bug: Option<Bug>) {
    ON.with(|on| on.set(bug));
}
