//! Policy: what an admin's rules make of what was heard.
//!
//! ```text
//! rules.json ─▶ Rules ─┐ (shared by all calls)
//!   finding, time ───▶ Judge (one a call) ─▶ Decision ─▶ adapter, evidence log
//! ```
//!
//! `policy/README.md` explains rules with examples; `models/schema/rules.schema.json`
//! is their schema. Nothing here listens, waits, reads or writes while a call
//! is judged.

mod decision;
mod json;
mod judge;
mod rules;
mod test;

pub use decision::{Action, Decision, Verdict};
pub use judge::{CallFacts, Judge};
pub use rules::Rules;
