//! The table for people, and the same as JSON.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Serialize, Serializer};

use crate::{
    Result,
    machine::{Cores, Machine},
    plan::{Column, Effort, Target},
    rows::{Cell, Row, Run, Verdict},
};

/// Everything that was found out.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) machine: &'a Machine,
    pub(crate) cores: Cores,
    pub(crate) effort: Effort,
    pub(crate) nginx: bool,
    #[serde(serialize_with = "lines")]
    pub(crate) rows: &'a [Row],
    pub(crate) runs: &'a [Run],
}

/// A line of the table as JSON: a row, its ratios and its verdict.
#[derive(Serialize)]
struct Line<'a> {
    item: &'a str,
    figure: String,
    cells: BTreeMap<Column, Shown<'a>>,
    rest_times_floor: Option<f64>,
    grpc_times_floor: Option<f64>,
    target: Option<Target>,
    verdict: Verdict,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a> {
    Value(f64),
    Refused(&'a str),
}

// === impl Report ===

impl Report<'_> {
    /// Prints the table and the reasons of what it does not show.
    pub(crate) fn print(&self) {
        let machine = self.machine;
        println!("\n{}, {} cores, Linux {}", machine.processor, machine.cores, machine.kernel);
        println!(
            "load average before: {}; server on core {}, upstream on {}, load on {}; {} rounds of {} s",
            machine.busy_before,
            self.cores.served,
            self.cores.upstream,
            self.cores.load,
            self.effort.rounds,
            self.effort.window.as_secs_f64()
        );
        if !self.nginx {
            println!("nginx is not installed: its column is empty");
        }
        println!();
        let mut notes = Vec::new();
        let mut lines = vec![head()];
        lines.extend(self.rows.iter().map(|row| line(row, &mut notes)));
        print_aligned(&lines);
        if !notes.is_empty() {
            println!();
        }
        for (number, note) in notes.iter().enumerate() {
            println!("[{}] {note}", number + 1);
        }
    }

    /// Writes everything as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}

fn lines<S: Serializer>(rows: &&[Row], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.iter().map(Line::new))
}

fn head() -> Vec<String> {
    let mut head = vec!["work".to_owned(), "figure".to_owned()];
    for column in Column::ALL {
        head.push(column.title().to_owned());
        if matches!(column, Column::Rest | Column::Grpc) {
            head.push("x floor".to_owned());
        }
    }
    head.extend(["target".to_owned(), "".to_owned()]);
    head
}

fn line(row: &Row, notes: &mut Vec<String>) -> Vec<String> {
    let mut line = vec![row.item.to_owned(), row.figure.title()];
    for column in Column::ALL {
        line.push(match row.cells.get(&column) {
            None => String::new(),
            Some(Ok(value)) => number(*value),
            Some(Err(why)) => note(format!("{}, {}: refused: {why}", row.item, column.title()), notes),
        });
        if matches!(column, Column::Rest | Column::Grpc) {
            line.push(row.times_floor(column).map(|times| format!("{times:.2}")).unwrap_or_default());
        }
    }
    line.push(match row.target {
        None => String::new(),
        Some(Target::TimesFloor(bound)) => format!("<= {bound:.1} x floor"),
        Some(Target::AtMost(bound)) => format!("<= {bound}"),
    });
    line.push(
        match row.verdict() {
            Verdict::NoTarget => "",
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::Unknown => "not proven",
        }
        .to_owned(),
    );
    line
}

/// Refers to a note; figures that are refused for the same reason share it.
fn note(text: String, notes: &mut Vec<String>) -> String {
    let at = notes.iter().position(|note| *note == text).unwrap_or_else(|| {
        notes.push(text);
        notes.len() - 1
    });
    format!("refused [{}]", at + 1)
}

/// Three figures that mean something; whole numbers with separators.
fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// Prints a Markdown table that is aligned to be read as it is.
fn print_aligned(lines: &[Vec<String>]) {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (at, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
        if at == 0 {
            let rules = widths.iter().map(|width| "-".repeat(width + 2));
            println!("|{}|", rules.collect::<Vec<_>>().join("|"));
        }
    }
}

// === impl Line ===

impl<'a> Line<'a> {
    fn new(row: &'a Row) -> Self {
        let shown = |cell: &'a Cell| match cell {
            Ok(value) => Shown::Value(*value),
            Err(why) => Shown::Refused(why),
        };
        Self {
            item: row.item,
            figure: row.figure.title(),
            cells: row.cells.iter().map(|(by, cell)| (*by, shown(cell))).collect(),
            rest_times_floor: row.times_floor(Column::Rest),
            grpc_times_floor: row.times_floor(Column::Grpc),
            target: row.target,
            verdict: row.verdict(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_what_is_significant() {
        for (value, text) in
            [(0.634, "0.63"), (17.25, "17.2"), (999.6, "1,000"), (25_431.2, "25,431"), (-120.4, "-120")]
        {
            assert_eq!(number(value), text);
        }
    }
}
