use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::{MAX_DEPTH, Mark, Node, Tree, Value, read};

fn root(text: &str) -> Node {
    let Tree { root, problems } = read(text);
    assert!(problems.is_empty(), "{problems:?}");
    root.expect("a value")
}

/// The first problem: its line, its column and its message.
fn problem(text: &str) -> (usize, usize, String) {
    let problem = read(text).problems.into_iter().next().expect("a problem");
    (problem.at.line, problem.at.column, problem.message)
}

fn scalar(node: &Node) -> (&str, bool) {
    match &node.value {
        Value::Scalar(scalar) => (&scalar.text, scalar.plain),
        Value::List(_) | Value::Map(_) => panic!("{node:?} is a scalar"),
    }
}

/// The tree as a reader of JSON has it.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => match serde_json::from_str(&scalar.text) {
            Ok(value) if scalar.plain => value,
            Ok(_) | Err(_) => scalar.text.as_str().into(),
        },
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(name, node)| (name.text.clone(), json(node))).collect::<Map<_, _>>().into()
        }
    }
}

#[test]
fn every_value_knows_where_it_stands() {
    let node = root("# a comment\n- one: 1\n  two:\n    - ä: x\n- {three: \"3\"}\n");
    let Value::List(items) = &node.value else { panic!("a list") };
    assert_eq!((items[0].at, items[1].at), (Mark { line: 2, column: 3 }, Mark { line: 5, column: 3 }));
    let two = items[0].member("two").unwrap();
    let Value::List(inner) = &two.value else { panic!("a list") };
    let (name, value) = match &inner[0].value {
        Value::Map(entries) => &entries[0],
        Value::Scalar(_) | Value::List(_) => panic!("a map"),
    };
    assert_eq!((name.at, value.at), (Mark { line: 4, column: 7 }, Mark { line: 4, column: 10 }));
}

#[test]
fn a_scalar_is_kept_as_it_is_written() {
    let node = root("[on, 1e3, 0123456789012345, 0x1F, ~, '~', \"1\", 9007199254740993, !!str 5, no]");
    let Value::List(items) = &node.value else { panic!("a list") };
    let read: Vec<_> = items.iter().map(scalar).collect();
    let expected = [
        ("on", true),
        ("1e3", true),
        ("0123456789012345", true),
        ("0x1F", true),
        ("~", true),
        ("~", false),
        ("1", false),
        ("9007199254740993", true),
        ("5", false),
        ("no", true),
    ];
    assert_eq!(read, expected);
}

#[test]
fn an_alias_is_what_it_names() {
    let node = root("- &a {x: [1, 2]}\n- *a\n- [*a]\n");
    let Value::List(items) = &node.value else { panic!("a list") };
    assert_eq!(json(&items[0]), json(&items[1]));
    assert_eq!(items[1].at, Mark { line: 2, column: 3 });
}

#[test]
fn what_no_seed_may_hold_is_a_problem_at_its_place() {
    for (text, line, column, message) in [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "second time"),
        ("a: &x 1\n<<: {b: 2}\n", 2, 1, "merges"),
        ("? [a]\n: 1\n", 1, 3, "no name"),
        ("- 1\n- !!int 2\n", 2, 9, "tag"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
        ("- &a [*a]\n", 1, 7, "alias"),
        ("- *nobody\n", 1, 3, "no YAML"),
        ("- [1, 2\n- 3\n", 1, 3, "no YAML"),
        ("a:\n\t- b\n", 2, 2, "no YAML"),
        ("%YAML 1.1\n---\na: 1\n", 1, 1, "no YAML"),
    ] {
        let (found_line, found_column, found) = problem(text);
        assert!(
            (found_line, found_column) == (line, column) && found.contains(message),
            "{text:?}: {found_line}:{found_column}: {found}"
        );
    }
}

#[test]
fn several_problems_of_a_file_are_told_at_once() {
    let tree = read("- a: 1\n  a: 2\n- !x 1\n- b: 1\n  b: 2\n");
    let lines: Vec<_> = tree.problems.iter().map(|problem| problem.at.line).collect();
    assert_eq!(lines, [2, 3, 5]);
}

#[test]
fn what_stands_before_a_break_is_read() {
    let tree = read("- a: 1\n- b: [\n- c");
    assert_eq!(tree.problems.len(), 1);
    let Some(Node { value: Value::List(items), .. }) = tree.root else { panic!("a list") };
    assert_eq!(json(&items[0]), serde_json::json!({"a": 1}));
}

#[test]
fn a_bomb_does_not_go_off() {
    let mut bomb = String::from("- &a0 [xxxxxxxxxxxxxxxx,xxxxxxxxxxxxxxxx]\n");
    for level in 1..60 {
        let before = level - 1;
        bomb.push_str(&format!("- &a{level} [*a{before},*a{before},*a{before},*a{before}]\n"));
    }
    assert!(problem(&bomb).2.contains("too much"));
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        let deep = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(read(&deep(MAX_DEPTH)).problems.is_empty(), "{open}");
        assert_eq!(read(&deep(MAX_DEPTH + 1)).problems.len(), 1, "{open}");
        read(&deep(100_000));
    }
    let chain: String = (1..70)
        .map(|level| format!("- &a{level} [*a{}]\n", level - 1))
        .fold("- &a0 1\n".into(), |all, line| all + &line);
    assert!(problem(&chain).2.contains("deep"));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "\\PC{0,8}|[ \\n\\t:#&*!|>'\"%@`{},\\[\\]?~$-]{0,8}|[\\x00-\\x1f\\u{85}\\u{a0}\\u{2028}]{0,3}"
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_json_is(value in any_json()) {
        prop_assert_eq!(json(&root(&value.to_string())), value.clone());
        prop_assert_eq!(json(&root(&format!("{value:#}"))), value);
    }

    #[test]
    fn what_the_export_writes_is_read_as_it_was(value in any_json()) {
        let written = serde_saphyr::to_string(&value).expect("YAML");
        prop_assert_eq!(json(&root(&written)), value, "{}", written);
    }
}
