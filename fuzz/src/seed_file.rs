//! What the seed reader takes: any bytes as a file. Nothing panics; what is told has a place in the file; the same file is
//! told the same way.
//!
//! Input: the file.

use sluicegate::{admin::seed::Seed, clock::Clock};

/// The most that is told: as many problems, and how many more there are.
const MAX_TOLD: usize = 101;

/// Holds the laws on one input.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let clock = Clock::test(1_767_225_600);
    let lookup = |name: &str| (name != "NOBODY").then(|| "a-value-0123456789".to_owned());
    let told = || {
        let told = Seed { name: "seed", text: &text, lookup: &lookup }.check(&clock);
        told.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let first = told();
    assert_eq!(first, told(), "the same is told of the same file");
    let Err(problems) = first else { return };
    assert!(!problems.is_empty() && problems.len() <= MAX_TOLD, "{} problems", problems.len());
    // YAML has more line ends than one; a problem may stand at the end of the file.
    let lines = text.chars().filter(|letter| matches!(letter, '\n' | '\r')).count() + 1;
    for problem in problems.iter().take(MAX_TOLD - 1) {
        let mut place = problem.split(':').skip(1);
        let mut number = || place.next().and_then(|part| part.parse::<usize>().ok());
        let (line, column) = (number(), number());
        assert!(
            line.is_some_and(|line| (1..=lines + 1).contains(&line))
                && column.is_some_and(|column| column > 0),
            "{problem} has a place in {lines} lines"
        );
    }
}
