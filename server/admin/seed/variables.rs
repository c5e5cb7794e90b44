//! `${NAME}` inside texts.

/// Where values of variables come from.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// The text with its variables replaced. Every variable that is missing is a problem.
pub(super) fn expand(text: &str, lookup: &Lookup<'_>) -> Result<String, Vec<String>> {
    let mut expanded = String::with_capacity(text.len());
    let mut problems = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            expanded.push_str(escaped);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            problems.push("has a ${ without its }; write $${ for the characters ${".to_owned());
            return Err(problems);
        };
        match lookup(name) {
            Some(value) => expanded.push_str(&value),
            None => problems.push(format!("the environment variable {name} is not set; set it")),
        }
        rest = after;
    }
    expanded.push_str(rest);
    if problems.is_empty() { Ok(expanded) } else { Err(problems) }
}

/// A text that `expand` makes the given one of.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escape, expand};

    #[test]
    fn variables_are_replaced_and_their_values_are_not_read_again() {
        let lookup = |name: &str| (name == "A").then(|| "${B}".to_owned());
        assert_eq!(expand("x${A}y$${A}$$${A}$", &lookup), Ok("x${B}y${A}$${A}$".to_owned()));
    }

    #[test]
    fn every_missing_variable_of_a_text_is_told() {
        let problems = expand("${A} ${B} ${C", &|_| None).unwrap_err();
        assert_eq!(problems.len(), 3);
        assert!(problems[0].contains("variable A ") && problems[2].contains("without its }"), "{problems:?}");
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_as_it_was(text in "[${}a]{0,12}|\\PC{0,12}") {
            prop_assert_eq!(expand(&escape(&text), &|_| None), Ok(text));
        }
    }
}
