use super::MasterKeys;

const BASE64: &str = "/////////////////////////////////////////w8=";

#[test]
fn hex_and_both_kinds_of_base64_are_read() {
    for text in [
        "ab".repeat(32),
        "AB".repeat(32) + "\n",
        BASE64.to_owned(),
        BASE64.trim_end_matches('=').to_owned(),
        BASE64.replace('/', "_"),
    ] {
        assert_eq!(MasterKeys::parse(&text).unwrap().newest(), 1, "{text}");
    }
}

#[test]
fn the_highest_version_is_the_newest_wherever_it_stands() {
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    assert_eq!(MasterKeys::parse(&format!("1:{one}\n2:{two}\n")).unwrap().newest(), 2);
    assert_eq!(MasterKeys::parse(&format!("2:{two},{one}")).unwrap().newest(), 2);
}

#[test]
fn anything_else_is_refused_without_showing_it() {
    let key = "cd".repeat(32);
    for text in ["", "short", &key[1..], &format!("x:{key}"), &format!("0:{key}"), &format!("{key},1:{key}")]
    {
        let error = MasterKeys::parse(text).unwrap_err();
        assert!(!error.to_string().contains(&key[2..]), "{error}");
    }
}

#[test]
fn a_generated_key_is_kept_and_private() {
    let dir = tempfile::tempdir().unwrap();
    let made = MasterKeys::from_data_dir(dir.path(), false).unwrap();
    let read = MasterKeys::from_data_dir(dir.path(), true).unwrap();
    assert_eq!(made.0, read.0);
    assert!(!crate::private_file::open_to_others(&dir.path().join("master.key")).unwrap());
}

#[test]
fn a_generated_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    MasterKeys::from_data_dir(dir.path(), false).unwrap();
    let path = dir.path().join("master.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = MasterKeys::from_data_dir(dir.path(), true).unwrap_err();
    assert!(error.message().contains("chmod 600"), "{error}");
}

#[test]
fn no_second_key_is_made_beside_a_store() {
    let dir = tempfile::tempdir().unwrap();
    assert!(MasterKeys::from_data_dir(dir.path(), true).is_err());
    assert!(!dir.path().join("master.key").exists());
}

#[test]
fn a_next_version_seals_and_can_stand_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.new");
    std::fs::write(&path, format!("{}\n", "ab".repeat(32))).unwrap();
    let old = MasterKeys::from_file(&path).unwrap();
    let both = old.with_next().unwrap();
    assert_eq!((both.newest(), both.has_older(), old.has_older()), (2, true, false));
    both.replace_file(&path).unwrap();
    assert_eq!(MasterKeys::from_file(&path).unwrap().0, both.0);
    both.newest_alone().replace_file(&path).unwrap();
    let new = MasterKeys::from_file(&path).unwrap();
    assert_eq!((new.newest(), new.has_older(), &new.0[&2]), (2, false, &both.0[&2]));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_replaced_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let keys = MasterKeys::generate().unwrap();
    for mode in [0o600, 0o440] {
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        keys.replace_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn there_is_no_version_above_the_last() {
    let last = MasterKeys::parse(&format!("{}:{}", u32::MAX, "ab".repeat(32))).unwrap();
    assert!(last.with_next().is_err());
}
