//! Commands to instruments on the page: a value within its limits, what is on and until when, and the button for all off.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::place::{SCENE, place};

/// An instrument that confirms every line and keeps it.
fn instrument() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, lines) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
    let kept = lines.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            if BufReader::new(&stream).read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                kept.lock().unwrap().push(line.trim_end().to_owned());
                let _ = (&stream).write_all(b"OK\n");
            }
        }
    });
    (port, lines)
}

#[test]
fn an_operator_runs_a_command_sees_the_countdown_and_turns_everything_off() {
    let (port, lines) = instrument();
    let commands = format!(
        "{SCENE}[[command]]\nname = \"rf\"\ndescription = \"RF amplitude\"\ntcp = \"127.0.0.1:{port}\"\nsend = \"RF {{mv}}\"\noff = \"RF 0\"\n\
         expect = \"OK\"\noff_after_ms = 3600000\n[[command.parameter]]\nname = \"mv\"\nmin = 0\nmax = 1400\nwhole = true\nunit = \"mV\"\n\
         [[command]]\nname = \"gun\"\ntcp = \"127.0.0.1:{port}\"\nsend = \"GUN\"\noff = \"GUN 0\"\nexpect = \"OK\"\n\
         interlock = [\"pressure < 1e-6\"]\n"
    );
    let Some(place) = place("stub", &commands, |_| {}) else { return };
    let view = place.view("commands");
    view.screen(1440, 900);
    view.wait_words("#commands-list", "mv (0 to 1400 mV)");
    view.wait_words("#commands-list", "Locked: pressure has no reading, and pressure < 1e-6 must hold");
    view.wait(
        "the locked one cannot be run",
        "document.querySelectorAll('#commands-list button.primary')[1].disabled",
    );
    view.eval("document.querySelector('#commands-list input').value = '1500'");
    view.click("#commands-list button.primary");
    view.wait(
        "the browser holds the limit",
        "document.querySelector('#commands-list input').matches(':invalid')",
    );
    assert!(lines.lock().unwrap().is_empty());
    view.eval("document.querySelector('#commands-list input').value = '1200'");
    view.click("#commands-list button.primary");
    view.wait_words("#commands-list .badge", "On");
    view.wait_words("#commands-list .muted", "mv = 1200");
    view.wait_words("#commands-list .muted", "off in ");
    view.picture("commands");
    view.click("#commands-off");
    view.wait_words("#commands-list .badge", "Off");
    let sent = lines.lock().unwrap().clone();
    assert_eq!(sent[0], "RF 1200");
    assert!(sent.contains(&"RF 0".to_owned()) && sent.contains(&"GUN 0".to_owned()), "{sent:?}");
    view.prefer("dark");
    view.screen(390, 844);
    let over = view.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(over, 0, "sideways scrolling on a telephone");
    view.picture("commands-phone");
    place.end();
}
