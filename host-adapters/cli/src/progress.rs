//! A progress bar, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `total` items on standard error; invisible where that is no
/// terminal, or `quiet`.
pub fn bar(total: usize, doing: &'static str, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")
        .expect("the template is valid");
    ProgressBar::with_draw_target(Some(total as u64), target).with_style(style).with_message(doing)
}
