//! The only place that writes to the terminal: data to standard output, notes to standard error.

use std::io::{self, IsTerminal, Write};

/// A colour, used only beside a word that says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// As wanted.
    Green,
    /// Moving.
    Blue,
    /// Waiting for somebody.
    Yellow,
    /// Broken.
    Red,
    /// Of less interest.
    Dim,
}

/// Writes lines, with colour only where a terminal shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    colour: bool,
}

impl Printer {
    /// Returns a printer that colours if standard output is a terminal that wants it.
    pub(crate) fn for_terminal(no_colour: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some() || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { colour: !no_colour && !unwanted && io::stdout().is_terminal() }
    }

    /// Writes a line of data.
    pub(crate) fn line(self, text: impl AsRef<str>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_ref().as_bytes())?;
        out.write_all(b"\n")
    }

    /// Writes text as it is.
    pub(crate) fn text(self, text: &str) -> io::Result<()> {
        io::stdout().lock().write_all(text.as_bytes())
    }

    /// Clears the screen and writes a page; on something that is no terminal, the page follows the former one.
    pub(crate) fn page(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if io::stdout().is_terminal() {
            out.write_all(b"\x1b[H\x1b[2J")?;
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes a note for the person, which is no data. A note that cannot be written is no failure.
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Returns the text in a colour, or as it is.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Blue => 94,
            Colour::Yellow => 33,
            Colour::Red => 31,
            Colour::Dim => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Returns a cell as text.
    pub(crate) fn cell(self, cell: &Cell) -> String {
        cell.colour.map_or_else(|| cell.text.clone(), |colour| self.paint(colour, &cell.text))
    }

    /// Returns rows as columns two spaces apart, each row with its line end. Widths count characters, not bytes.
    pub(crate) fn table(self, rows: &[Vec<Cell>]) -> String {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        rows.iter().map(|row| self.row(row, &widths)).collect()
    }

    fn row(self, row: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        let mut gap = 0;
        for (cell, width) in row.iter().zip(widths) {
            // Spaces go before the next text, so that none trail.
            if !cell.text.is_empty() {
                line.extend(std::iter::repeat_n(' ', gap));
                line.push_str(&self.cell(cell));
                gap = 0;
            }
            gap += width + 2 - cell.width();
        }
        line.push('\n');
        line
    }
}

/// Text with the colour it has on a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The text.
    pub(crate) text: String,
    /// Its colour.
    pub(crate) colour: Option<Colour>,
}

impl Cell {
    /// Returns coloured text.
    pub(crate) fn new(text: impl Into<String>, colour: Colour) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), colour: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_aligns_by_characters_and_leaves_no_trailing_space() {
        let rows =
            [vec!["NAME".into(), "STATUS".into()], vec!["⟳ web".into(), "✔".into()], vec!["".into(), "?".into()]];
        let printer = Printer { colour: false };
        assert_eq!(printer.table(&rows), "NAME   STATUS\n⟳ web  ✔\n       ?\n");
    }

    #[test]
    fn colour_is_left_out_where_nobody_sees_it() {
        assert_eq!(Printer { colour: false }.paint(Colour::Red, "x"), "x");
        assert_eq!(Printer { colour: true }.paint(Colour::Red, "x"), "\x1b[31mx\x1b[0m");
    }
}
