//! Laws of the walk, and `serde_json` to judge it by.

use proptest::prelude::*;

use super::*;

fn skip(text: &str) -> Result<(), Malformed> {
    read(text.as_bytes(), Reader::skip)
}

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::default();
    writer.list(|list| list.element(write));
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    text[1..text.len() - 1].to_owned()
}

#[test]
fn error_names_the_path_and_what_was_found() {
    let nested = |text: &str| {
        read(text.as_bytes(), |reader| {
            reader.object(|reader, _| {
                reader.list(|reader| {
                    reader.object(
                        |reader, name| if name == "type" { reader.text().map(drop) } else { reader.skip() },
                    )
                })?;
                Ok(())
            })
        })
        .unwrap_err()
    };
    let cases = [
        (r#"{"a":[{},{"type":5}]}"#, "a[1].type", "expected a string, found a number"),
        (r#"{"a":[{},null]}"#, "a[1]", "expected an object, found null"),
        (r#"{"a":{}}"#, "a", "expected a list, found an object"),
        ("[]", "", "expected an object, found a list"),
        (r#"{"a":[{"x":tru}]}"#, "a[0].x", "not valid JSON at byte 11: expected a value"),
        (r#"{"a":[{}"#, "a", "not valid JSON at byte 8: expected a comma or the end of the list"),
        (r#"{"a":[]} x"#, "", "not valid JSON at byte 9: expected the end of the text"),
        ("", "", "not valid JSON at byte 0: expected an object"),
    ];
    for (text, field, message) in cases {
        assert_eq!(
            nested(text),
            Malformed { field: field.to_owned(), message: message.to_owned() },
            "{text}"
        );
    }
}

#[test]
fn long_names_are_cut_in_errors() {
    let error = skip(&format!("{{\"{}\":x}}", "\u{e9}".repeat(500))).unwrap_err();
    assert_eq!(error.field.chars().count(), MAX_NAME);
}

#[test]
fn whole_numbers_are_taken_by_value_and_exactly() {
    let integer = |text: &str| read(text.as_bytes(), Reader::integer::<i64>);
    for (text, expected) in
        [("5", 5), ("5.0", 5), ("5e2", 500), ("-0", 0), ("9007199254740993", 9_007_199_254_740_993)]
    {
        assert_eq!(integer(text), Ok(expected), "{text}");
    }
    for (text, message) in [
        ("5.5", "expected a whole number, found 5.5"),
        ("1e300", "the number 1e300 is out of range"),
        ("9223372036854775808", "the number 9223372036854775808 is out of range"),
        ("\"5\"", "expected a whole number, found a string"),
    ] {
        assert_eq!(integer(text), Err(Malformed::new(message)), "{text}");
    }
    assert!(read(b"3000000000", Reader::integer::<i32>).is_err());
    assert!(read(b"1e999", Reader::double).is_err());
}

#[test]
fn null_is_absent_and_the_last_of_two_counts() {
    let mut seen = Vec::new();
    let text = br#"{"a":1,"b":null,"\u0061":2}"#;
    read(text, |reader| {
        reader.object(|reader, name| {
            seen.push((name.to_owned(), reader.integer::<i32>()?));
            Ok(())
        })
    })
    .unwrap();
    assert_eq!(seen, [("a".to_owned(), 1), ("a".to_owned(), 2)]);
    assert_eq!(Members::of(text).unwrap().get("a"), Some("2"));
}

#[test]
fn nesting_is_bounded_whoever_looks() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(skip(&deep(MAX_DEPTH)), Ok(()));
    assert!(skip(&deep(MAX_DEPTH + 1)).is_err());
    assert_eq!(check_depth(deep(MAX_DEPTH).as_bytes(), MAX_DEPTH), Ok(()));
    assert!(check_depth(deep(MAX_DEPTH + 1).as_bytes(), MAX_DEPTH).is_err());
    let in_string = format!("[\"\\\"{}\"]", "[".repeat(500));
    assert_eq!(check_depth(in_string.as_bytes(), 1), Ok(()));
    let siblings = format!("[{}]", vec!["[]"; 500].join(","));
    assert_eq!((check_depth(siblings.as_bytes(), 2), skip(&siblings)), (Ok(()), Ok(())));
}

#[test]
fn what_must_be_escaped_is_found_wherever_it_stands() {
    for special in (0..0x20).chain([b'"', b'\\']) {
        for at in 0..100 {
            let mut bytes = [b'~'; 100];
            bytes[at] = special;
            assert_eq!(plain_length(&bytes), at, "{special:#x} at {at}");
        }
    }
    assert_eq!(plain_length("plain up to \u{7f} and \u{e9}".as_bytes()), 20);
    assert_eq!(plain_length(b""), 0);
}

#[test]
fn half_of_a_surrogate_pair_is_no_text() {
    assert!(read(br#""\ud83d""#, Reader::string).is_err());
    assert_eq!(read(br#""\ud83d\ude00""#, Reader::string), Ok("\u{1f600}".to_owned()));
}

#[test]
fn strict_writer_refuses_what_would_say_something_else() {
    let fault = |fill: fn(&mut Object<'_>)| {
        let mut writer = Writer::strict();
        writer.object(fill);
        writer.finish().unwrap_err()
    };
    let extras = |name: &str, json: &str| Extras::from([(name.to_owned(), json.to_owned())]);
    let broken = fault(|object| object.optional_raw("a", Some(r#"{},"model":"other""#)));
    assert_eq!(broken.field, "a");
    let twice = fault(|object| {
        object.text("model", "one");
        object.extras(&Extras::from([("model".to_owned(), "\"other\"".to_owned())]));
    });
    assert_eq!(twice.field, "model");
    assert_eq!(fault(|object| object.optional_double("t", Some(f64::NAN))).field, "t");
    let nested = fault(|object| {
        object.member("a", |value| value.list(|list| list.element(|value| value.raw("no"))));
    });
    assert_eq!(nested.field, "a[0]");

    let mut out = Vec::new();
    Writer::append(&mut out, |object| object.extras(&extras("a", "no")));
    assert_eq!(out, br#"{"a":null}"#, "what is written stays JSON");
}

#[test]
fn members_change_without_the_others() {
    let mut members = Members::of(br#"{"a": 1.00, "b":{"z":1,"y":2},"c":3}"#).unwrap();
    assert!(members.remove("c") && !members.remove("c"));
    members.merge(Members::of(br#"{"a":null,"d":[1e2]}"#).unwrap());
    members.set("e", "true".to_owned());
    assert_eq!(members.write(), br#"{"b":{"z":1,"y":2},"d":[1e2],"e":true}"#);
}

proptest! {
    #[test]
    fn json_is_what_another_reader_takes_for_it(text in r#"([\[\]{}:, ]|"[a\\"u0]{0,4}"|-?[0-9.eE+]{1,4}|true|null|\t|\n|\x01){0,14}"#) {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(skip(&text).is_ok(), theirs);
    }

    #[test]
    fn text_survives(text in ".{0,24}|[\\x00-\\x7f]{0,24}") {
        let json = written(|writer| writer.text(&text));
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());
        prop_assert_eq!(read(json.as_bytes(), Reader::string), Ok(text.clone()));
        let theirs = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(read(theirs.as_bytes(), Reader::string), Ok(text));
    }

    #[test]
    fn numbers_survive(bits in any::<u64>(), small in any::<u32>()) {
        let double = f64::from_bits(bits);
        if double.is_finite() {
            let json = written(|writer| writer.double(double));
            prop_assert_eq!(read(json.as_bytes(), Reader::double), Ok(double));
            prop_assert_eq!(serde_json::from_str::<f64>(&json).unwrap(), double);
        }
        let single = f32::from_bits(small);
        if single.is_finite() {
            let json = written(|writer| writer.single(single));
            prop_assert_eq!(read(json.as_bytes(), Reader::single), Ok(single));
        }
    }
}

#[test]
fn only_space_between_tokens_goes() {
    for (body, compact) in [
        ("{ \"a b\" :\r\n\t[ 1 , 2.50 ] }", "{\"a b\":[1,2.50]}"),
        (r#"{"a": "x \\\" y\\", "b": " "}"#, r#"{"a":"x \\\" y\\","b":" "}"#),
        ("", ""),
        ("\" open ", "\" open "),
    ] {
        assert_eq!(super::compact(body.as_bytes()), compact.as_bytes(), "{body}");
    }
}
