//! The command line as shells use it: pipes that close early, words that are mistyped, refusals in its own words.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub, program};
use crate::support::{complaint, wait_until};

fn ocellus(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// The writing end of a pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault_and_the_exit_code_stays() {
    let fixture = Fixture::new();
    fixture.config(
        1,
        &(fixture.stub("m", &Stub::default())
            + "[[camera]]\nname = \"a\"\nsource = \"scene:\"\nrapeat = 1\n"),
    );
    let config = fixture.config_path().display().to_string();
    let users = fixture.path("users").display().to_string();
    for (arguments, code) in [
        (&["schema"][..], 0),
        (&["models", "list"], 0),
        (&["models", "list", "--json"], 0),
        (&["users", "list", "--file", &users], 0),
        (&["check", "--config", &config, "--json"], 3),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let output = ocellus(arguments).stdout(closed_pipe()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", complaint(&output));
        assert!(!complaint(&output).contains("ipe"), "{arguments:?}: {}", complaint(&output));
        // Errors have nobody to be told to either.
        let output = ocellus(arguments).stdout(closed_pipe()).stderr(closed_pipe()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    // A disk that is full is another matter.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = ocellus(&["schema"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("No space left"), "{}", complaint(&output));
}

#[test]
fn a_long_output_ends_quietly_when_its_reader_goes_half_way() {
    let mut child = ocellus(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 100];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut some).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), complaint(&output)), (Some(0), String::new()));
}

#[test]
fn a_mistyped_subcommand_is_reported_with_the_one_that_was_meant() {
    for (arguments, meant) in [
        (&["help", "statsu"][..], "'status'"),
        (&["statsu", "--help"], "'status'"),
        (&["golden", "help", "lst"], "'list'"),
        (&["help", "faces", "enroll"], "'enrol'"),
        (&["people", "--help"], "the subcommands are: run, check"),
        (&["help", "people"], "the subcommands are: run, check"),
    ] {
        let output = ocellus(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            complaint(&output).contains(meant),
            "{arguments:?}: {meant} is missing in: {}",
            complaint(&output)
        );
    }
}

#[test]
fn a_refusal_names_the_flag_of_the_command_line_and_not_a_field_of_json() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    std::fs::create_dir(fixture.path("recipes")).unwrap();
    let recipe =
        "size = [64, 64]\n[[roi]]\nname = \"all\"\nrect = [8, 8, 16, 16]\nkind = \"presence\"\nhigh = 254\n";
    std::fs::write(fixture.path("recipes/part.toml"), recipe).unwrap();
    let camera = |name: &str| {
        format!(
            "[[camera]]\nname = \"{name}\"\nsource = \"scene:?width=64&height=64\"\ninspect = {{ product = \"part\" }}\n"
        )
    };
    fixture.config(broker.port, &(camera("a") + &camera("b")));
    let mut service = fixture.run();
    wait_until("the service answers", || fixture.command(&["status"]).status.success());
    for command in ["trigger", "product"] {
        let output = fixture.command(&[command]);
        let words = complaint(&output);
        assert!(words.contains("a, b") && words.contains("--camera NAME"), "{words}");
        assert!(!words.contains('{'), "{words}");
    }
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
