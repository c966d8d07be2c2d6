//! Decisions: verdict, action, and everything that led to them.

use std::ffi::CStr;

use serde_json::{Map, Value, json};

/// What the rules take the far side for. The numbers are those of `callprint.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Verdict {
    /// Nothing decided yet.
    Pending = 0,
    /// A known script, or what the rules take for one.
    Robot = 1,
    /// A person.
    Human = 2,
    /// A voice mailbox, an announcement, an IVR.
    Machine = 3,
    /// The beep has ended: speak now.
    Beep = 4,
    /// A fax machine.
    Fax = 5,
    /// A call-progress tone instead of a party.
    Busy = 6,
    /// Nobody can tell: the time limit passed, or the caller is on the allow list.
    Unsure = 7,
    /// Not analysed.
    NotReady = 8,
}

impl Verdict {
    /// All of them, by number.
    pub const ALL: [Verdict; 9] = [
        Verdict::Pending,
        Verdict::Robot,
        Verdict::Human,
        Verdict::Machine,
        Verdict::Beep,
        Verdict::Fax,
        Verdict::Busy,
        Verdict::Unsure,
        Verdict::NotReady,
    ];

    /// As dialplans see it.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().expect("it is ASCII")
    }

    /// The same for C.
    pub(crate) const fn c_name(self) -> &'static CStr {
        match self {
            Verdict::Pending => c"PENDING",
            Verdict::Robot => c"ROBOT",
            Verdict::Human => c"HUMAN",
            Verdict::Machine => c"MACHINE",
            Verdict::Beep => c"BEEP",
            Verdict::Fax => c"FAX",
            Verdict::Busy => c"TONE",
            Verdict::Unsure => c"UNSURE",
            Verdict::NotReady => c"NOTREADY",
        }
    }
}

/// What the switch is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    None,
    /// Set variables, raise events, go on.
    Tag,
    /// Clear the call.
    Hangup {
        /// ITU-T Q.850, 1 to 127.
        cause: u32,
    },
    /// Go to a place in the dialplan.
    Transfer {
        /// The dialplan's context.
        context: String,
        /// The extension in it.
        extension: String,
        /// The priority in that, from 1.
        priority: u32,
    },
    /// Play a special information tone and "number not in service", then clear.
    Decoy {
        /// ITU-T Q.850, 1 to 127.
        cause: u32,
    },
}

impl Action {
    /// As rules and records call it.
    pub fn name(&self) -> &'static str {
        match self {
            Action::None => "none",
            Action::Tag => "tag",
            Action::Hangup { .. } => "hangup",
            Action::Transfer { .. } => "transfer",
            Action::Decoy { .. } => "decoy",
        }
    }

    /// The number of `callprint.h`.
    pub fn number(&self) -> u32 {
        match self {
            Action::None => 0,
            Action::Tag => 1,
            Action::Hangup { .. } => 2,
            Action::Transfer { .. } => 3,
            Action::Decoy { .. } => 4,
        }
    }

    pub(super) fn describe(&self, record: &mut Map<String, Value>) {
        record.insert("action".into(), self.name().into());
        match self {
            Action::None | Action::Tag => {}
            Action::Hangup { cause } | Action::Decoy { cause } => {
                record.insert("hangup_cause".into(), json!(cause));
            }
            Action::Transfer { context, extension, priority } => {
                record.insert("context".into(), json!(context));
                record.insert("extension".into(), json!(extension));
                record.insert("priority".into(), json!(priority));
            }
        }
    }
}

/// What the rules made of what was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// 0, 1, 2 … in a call; later ones supersede earlier ones.
    pub number: u32,
    /// What the far side is taken for.
    pub verdict: Verdict,
    /// What to do.
    pub action: Action,
    /// This is what would have been done: record it, do nothing.
    pub shadow: bool,
    /// The rule's name; "limit" and "allow" where the file's `limit_ms` and
    /// `allow` decided; empty if not analysed.
    pub rule: String,
    /// Where one script led to it: its id; otherwise empty. Where several
    /// scripts are possible it is empty, and the record lists them.
    pub script: String,
    /// The pack of the script, or of all that are possible.
    pub pack: String,
    /// Their category.
    pub category: String,
    /// Upper-case name and numbers, as `SCRIPT-1830-9990` (known after 1830 ms,
    /// confidence 0.9990).
    pub cause: String,
    /// 0 to 1: of the least sure finding that it rests on; 0 if it rests on none.
    pub confidence: f64,
    /// The audio that was needed, in ms since the call's first sample.
    pub known_ms: f64,
    /// All of it with rule and findings, as it is kept in the evidence log.
    pub record: Value,
}
