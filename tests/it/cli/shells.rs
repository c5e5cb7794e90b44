//! Completion in shells.

use std::process::{Command, Stdio};

use super::{Done, finish, sluicegate};

async fn script(shell: &str) -> String {
    let mut command = sluicegate("http://127.0.0.1:1");
    command.args(["completion", shell]);
    let done: Done = finish(command, "").await;
    assert_eq!(done.code, 0, "{done:?}");
    done.out
}

/// A shell of the machine. `None`, said aloud: it is not there.
fn shell(name: &str) -> Option<Command> {
    let there = Command::new(name).args(["-c", "true"]).stdout(Stdio::null()).status().is_ok();
    if !there {
        println!("not run: there is no {name}");
    }
    there.then(|| Command::new(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_has_a_script_that_it_can_read() {
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = script(name).await;
        assert!(text.contains("rate-limit") && text.contains("available-models"), "{name}");
        if ["bash", "zsh", "fish"].contains(&name)
            && let Some(mut command) = shell(name)
        {
            command.arg("-n");
            let done = finish(command, &text).await;
            assert_eq!(done.code, 0, "{name}: {}", done.err);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_completes_nouns_verbs_flags_and_their_values() {
    let Some(command) = shell("bash") else { return };
    let text = script("bash").await;
    let asked = r#"
complete_words() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _sluicegate sluicegate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    echo "${COMPREPLY[*]}"
}
complete_words sluicegate r
complete_words sluicegate api-key r
complete_words sluicegate policy create --eff
complete_words sluicegate policy create --effect d
complete_words sluicegate access explain joe --permission write-m
"#;
    let done = finish(command, &format!("{text}\n{asked}")).await;
    assert_eq!(done.out, "restore rate-limit\nrotate\n--effect\ndeny\nwrite-models\n", "{}", done.err);
}
