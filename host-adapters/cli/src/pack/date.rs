//! Days, as `YYYY-MM-DD` in UTC.

use std::{fmt, str::FromStr, time::SystemTime};

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Today.
    pub fn today() -> Date {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut days = since.as_secs() / 86_400;
        let mut date = Date { year: 1970, month: 1, day: 1 };
        while days >= date.days_of_month() {
            days -= date.days_of_month();
            date.month += 1;
            if date.month > 12 {
                (date.year, date.month) = (date.year + 1, 1);
            }
        }
        date.day += days as u8;
        date
    }

    fn days_of_month(self) -> u64 {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Date, String> {
        let wrong = || format!("{text:?} is no day; write it as 2026-12-31");
        let b = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            b[range]
                .iter()
                .try_fold(0u16, |n, c| c.is_ascii_digit().then(|| n * 10 + u16::from(c - b'0')))
        };
        if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
            return Err(wrong());
        }
        let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(5..7), digits(8..10))
        else {
            return Err(wrong());
        };
        let date = Date { year, month: month as u8, day: day as u8 };
        let real = (1..=12).contains(&month) && day >= 1 && u64::from(day) <= date.days_of_month();
        if real { Ok(date) } else { Err(wrong()) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
