//! A clock for media threads: a register of the processor. The system's own clocks are a system call
//! where the hypervisor hides the register from them.

use std::{
    thread,
    time::{Duration, Instant},
};

/// What the register shows; always 0 on processors whose register we do not know.
#[inline]
pub fn now() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has it, and reading it changes nothing.
    let ticks = unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(target_arch = "aarch64")]
    let ticks = {
        let ticks: u64;
        // SAFETY: Linux lets programs read it, and reading it changes nothing.
        unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
        ticks
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let ticks = 0;
    ticks
}

/// How long a tick is.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    ns: f64,
}

impl Tick {
    /// Takes [`MEASURED`].
    pub fn measure() -> Tick {
        let (begin, first) = (Instant::now(), now());
        thread::sleep(MEASURED);
        let (took, ticks) = (begin.elapsed(), now().wrapping_sub(first));
        Tick { ns: took.as_nanos() as f64 / ticks as f64 }
    }

    /// The time since `then`; none where there is no register. What looks negative, since two
    /// processors may differ by some ticks, is none either.
    pub fn since(self, then: u64) -> Option<Duration> {
        let ticks = now().wrapping_sub(then);
        (self.ns.is_finite() && ticks as i64 >= 0)
            .then(|| Duration::from_nanos((ticks as f64 * self.ns) as u64))
    }
}

/// Long against what reading two clocks takes.
const MEASURED: Duration = Duration::from_millis(5);
