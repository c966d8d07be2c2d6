//! How soon a script is named when it is heard, and as what.

use super::{
    Complaint, Level,
    line::Line,
    shelf::{self, Shelf},
};

/// Played for so many codes (4 s) at most.
const CODES_MAX: usize = 100;

/// How a script is recognised.
#[derive(Default)]
pub struct Identified {
    /// Seconds until it was named alone, from each beginning; none: it was not.
    pub after_s: Vec<Option<f64>>,
    /// Named as one of several that it may be, and not alone.
    pub group: Option<Vec<u32>>,
    /// Another script that it was taken for.
    pub wrong: Option<u32>,
}

/// Plays every node from its beginning and its middle over a line.
pub fn identify(shelf: &Shelf, number: u32) -> Identified {
    let script = shelf.script(number);
    let mut all = Identified::default();
    for (n, node) in script.nodes.iter().enumerate() {
        let codes = &node.codes.0;
        for part in [0, codes.len() / 2] {
            let mut line = Line::new(u64::from(number) << 32 | (n as u64) << 16 | part as u64);
            let heard = codes[part..].iter().take(CODES_MAX).map(|bits| line.disturb(*bits));
            let (mut after_s, mut group) = (None, None);
            shelf::play(&shelf.index, heard, |found| {
                let alone = found.scripts.len() == 1;
                if alone && found.scripts[0] == number {
                    after_s = Some(found.after_s);
                } else if alone {
                    all.wrong = Some(found.scripts[0]);
                } else {
                    group = Some(found.scripts);
                }
                after_s.is_some()
            });
            all.after_s.push(after_s);
            all.group = all.group.take().or(group.filter(|_| after_s.is_none()));
        }
    }
    all
}

impl Identified {
    /// The median of the times, if most beginnings led to the name.
    pub fn median_s(&self) -> Option<f64> {
        let mut times = self.after_s.clone();
        times.sort_by(|a, b| a.unwrap_or(f64::MAX).total_cmp(&b.unwrap_or(f64::MAX)));
        times.get(times.len() / 2).copied().flatten()
    }

    pub fn complaints(&self, shelf: &Shelf) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut complain = |level, what: String, remedy: &str| {
            complaints.push(Complaint::of_script(level, what, remedy));
        };
        if let Some(other) = self.wrong {
            let what = format!("it is taken for script {}", shelf.name(other));
            complain(Level::Error, what, "take one of them out, or enrol what sets them apart");
        }
        if let Some(group) = &self.group {
            let names: Vec<String> = group.iter().map(|s| shelf.name(*s)).collect();
            let what = format!("within 4 s it cannot be told which it is of {}", names.join(", "));
            complain(Level::Warning, what, "enrol more of each, or make them one script");
        }
        if self.after_s.iter().all(Option::is_none) && self.wrong.is_none() && self.group.is_none()
        {
            let what =
                "it is not recognised on a telephone line, from its beginning or its middle".into();
            complain(Level::Error, what, "record more of the script");
        }
        complaints
    }
}
