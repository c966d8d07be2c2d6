//! What an admin should read.

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something does not work.
    Error,
    /// Something went wrong, once.
    Warning,
    /// Something changed.
    Notice,
    /// For whoever looks for a defect.
    Debug,
}

/// Where it goes: any thread but a media thread.
pub type Sink = Box<dyn Fn(Level, &str) + Send + Sync>;

pub(crate) struct Log(pub Sink);

impl Log {
    pub fn error(&self, message: impl AsRef<str>) {
        (self.0)(Level::Error, message.as_ref());
    }

    pub fn warning(&self, message: impl AsRef<str>) {
        (self.0)(Level::Warning, message.as_ref());
    }

    pub fn notice(&self, message: impl AsRef<str>) {
        (self.0)(Level::Notice, message.as_ref());
    }

    /// To standard error.
    pub fn stderr() -> Log {
        Log(Box::new(|level, message| eprintln!("callprint: {level:?}: {message}")))
    }
}
