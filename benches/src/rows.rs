//! Runs become rows: medians over the rounds, ratios to the floor, verdicts on targets.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::{
    figures::median,
    load::Outcome,
    plan::{Column, Figure, Item, Target},
    proof,
};

/// What happened when `by` did the work of an item.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) item: &'static str,
    pub(crate) by: Column,
    /// Or why it could not be done.
    #[serde(serialize_with = "outcome")]
    pub(crate) outcome: Result<Outcome, String>,
}

/// A figure of one column, or why it is not shown.
pub(crate) type Cell = Result<f64, String>;

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) item: &'static str,
    pub(crate) figure: Figure,
    pub(crate) cells: BTreeMap<Column, Cell>,
    pub(crate) target: Option<Target>,
}

/// Whether a target is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    NoTarget,
    Met,
    Missed,
    /// The figure was refused.
    Unknown,
}

fn outcome<S: Serializer>(outcome: &Result<Outcome, String>, serializer: S) -> Result<S::Ok, S::Error> {
    match outcome {
        Ok(outcome) => outcome.serialize(serializer),
        Err(why) => BTreeMap::from([("impossible", why)]).serialize(serializer),
    }
}

/// The rows of an item.
pub(crate) fn of_item(item: &Item, runs: &[Run]) -> Vec<Row> {
    let cell = |figure: Figure, by| {
        // Nobody is there whose processor time could be counted.
        if by == Column::Direct && !figure.is_time() {
            return None;
        }
        let mine = runs.iter().filter(|run| run.item == item.name && run.by == by);
        let values = mine.map(|run| {
            let outcome = run.outcome.as_ref().map_err(Clone::clone)?;
            proof::figure(figure, by, item.work, outcome)
        });
        middle(values.collect())
    };
    let row = |(figure, target): &(Figure, Option<Target>)| {
        let mut cells: BTreeMap<_, _> =
            item.by.iter().filter_map(|by| Some((*by, cell(*figure, *by)?))).collect();
        if matches!(figure, Figure::AddedP50 | Figure::AddedP99) {
            subtract_direct(&mut cells);
        }
        Row { item: item.name, figure: *figure, cells, target: *target }
    };
    item.figures.iter().map(row).collect()
}

/// The median of what the rounds proved, where more than half of them proved it. `None` where there were none.
pub(crate) fn middle(rounds: Vec<Cell>) -> Option<Cell> {
    let (all, mut proven, mut refused) = (rounds.len(), Vec::new(), Vec::new());
    for round in rounds {
        match round {
            Ok(value) => proven.push(value),
            Err(why) => refused.push(why),
        }
    }
    if proven.len() * 2 > all {
        return median(&mut proven).map(Ok);
    }
    let count = refused.len();
    refused
        .into_iter()
        .next()
        .map(|why| Err(if all > 1 { format!("{why} (in {count} of {all} rounds)") } else { why }))
}

/// What the proxy adds to a call is what it takes beyond a call without one.
fn subtract_direct(cells: &mut BTreeMap<Column, Cell>) {
    let direct = cells.remove(&Column::Direct);
    for cell in cells.values_mut() {
        *cell = match (&*cell, &direct) {
            (Ok(through), Some(Ok(direct))) => Ok(through - direct),
            (Err(why), _) => Err(why.clone()),
            (Ok(_), Some(Err(why))) => Err(format!("without a proxy: {why}")),
            (Ok(_), None) => Err("calls without a proxy were not measured".into()),
        };
    }
}

// === impl Row ===

impl Row {
    /// The column as a multiple of the floor.
    pub(crate) fn times_floor(&self, column: Column) -> Option<f64> {
        let (Ok(value), Ok(floor)) = (self.cells.get(&column)?, self.cells.get(&Column::Floor)?) else {
            return None;
        };
        (*floor > 0.0).then(|| value / floor)
    }

    /// Whether REST reaches the target.
    pub(crate) fn verdict(&self) -> Verdict {
        let (reached, bound) = match self.target {
            None => return Verdict::NoTarget,
            Some(Target::TimesFloor(bound)) => (self.times_floor(Column::Rest), bound),
            Some(Target::AtMost(bound)) => {
                (self.cells.get(&Column::Rest).and_then(|cell| cell.as_ref().ok().copied()), bound)
            }
        };
        match reached {
            Some(value) if value <= bound => Verdict::Met,
            Some(_) => Verdict::Missed,
            None => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target, floor: Cell, rest: Cell) -> Row {
        let cells = [(Column::Floor, floor), (Column::Rest, rest)].into();
        Row { item: "work", figure: Figure::CpuPerCall, cells, target: Some(target) }
    }

    #[test]
    fn a_figure_is_shown_only_where_most_rounds_prove_it() {
        let no = || Err("no room".to_owned());
        assert_eq!(middle(vec![Ok(3.0), no(), Ok(1.0)]), Some(Ok(2.0)));
        assert_eq!(middle(vec![Ok(3.0), no(), no()]), Some(Err("no room (in 2 of 3 rounds)".into())));
        assert_eq!(middle(vec![Ok(3.0), no()]), Some(Err("no room (in 1 of 2 rounds)".into())));
        assert_eq!(middle(vec![]), None);
    }

    #[test]
    fn a_refused_floor_leaves_the_target_open() {
        let twice = Target::TimesFloor(2.0);
        assert_eq!(row(twice, Ok(20.0), Ok(40.0)).verdict(), Verdict::Met);
        assert_eq!(row(twice, Ok(20.0), Ok(41.0)).verdict(), Verdict::Missed);
        assert_eq!(row(twice, Err("no room".into()), Ok(30.0)).verdict(), Verdict::Unknown);
        assert_eq!(row(Target::AtMost(64.0), Err("no room".into()), Ok(63.0)).verdict(), Verdict::Met);
    }

    #[test]
    fn what_is_added_is_beyond_a_call_without_a_proxy() {
        let mut cells = BTreeMap::from([(Column::Direct, Ok(100.0)), (Column::Floor, Ok(180.0))]);
        subtract_direct(&mut cells);
        assert_eq!(cells, BTreeMap::from([(Column::Floor, Ok(80.0))]));
        let mut cells =
            BTreeMap::from([(Column::Direct, Err("late".to_owned())), (Column::Floor, Ok(180.0))]);
        subtract_direct(&mut cells);
        assert!(cells[&Column::Floor].is_err());
    }
}
