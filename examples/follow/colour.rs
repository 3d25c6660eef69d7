//! Colours, where a person looks at a terminal and wants them.

use std::{fmt::Display, io::stderr};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use http::StatusCode;

/// Whether standard error is coloured: on a terminal, but not with `NO_COLOR` or, unless `CI` is set, `TERM=dumb`.
///
/// `anstream` decides, as for most programs in Rust; it knows `CLICOLOR` and `CLICOLOR_FORCE`, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    On,
    Off,
}

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

impl Colours {
    pub(crate) fn of_stderr() -> Self {
        match AutoStream::choice(&stderr()) {
            ColorChoice::Never => Self::Off,
            ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => Self::On,
        }
    }

    pub(crate) fn paint(self, style: Style, text: impl Display) -> String {
        match self {
            Self::On => format!("{style}{text}{style:#}"),
            Self::Off => text.to_string(),
        }
    }
}

/// The style of a status: good, a redirect, bad, or none of them.
pub(crate) fn of_status(status: StatusCode) -> Style {
    match status.as_u16() {
        200..300 => AnsiColor::Green.on_default(),
        300..400 => AnsiColor::Yellow.on_default(),
        400.. => AnsiColor::Red.on_default(),
        _ => FAINT,
    }
}
