//! Boxes whose page is looked at.

use std::fs;

use headless_chrome::Browser;

use crate::browser::{View, browser};
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Service};

/// The built-in scene without a model: frames that differ from one another, and nothing to install.
pub const SCENE: &str = "[[camera]]\nname = \"belt\"\nsource = \"scene:?seed=7&fps=15\"\n";

/// The same with a queue of studio jobs, whose view has many controls.
pub fn with_queue() -> String {
    format!("[jobs]\nenabled = true\n\n{SCENE}")
}

/// Its views, as the tabs name them.
pub const VIEWS: [&str; 10] = [
    "live",
    "people",
    "attendance",
    "inspections",
    "recordings",
    "batch",
    "jobs",
    "commands",
    "curves",
    "box",
];

/// A running box, its broker, and a browser; the browser goes first.
pub struct Place {
    pub browser: Browser,
    pub fixture: Fixture,
    pub service: Service,
    pub url: String,
    _broker: Broker,
}

/// A box with these cameras, running; `None` where no browser is installed. `prepare` is called before the start.
pub fn place(runtime: &str, cameras: &str, prepare: impl FnOnce(&Fixture)) -> Option<Place> {
    let browser = browser()?;
    let (broker, fixture) = (Broker::start(), Fixture::new());
    configure(&fixture, broker.port, runtime, "127.0.0.1:0", cameras);
    prepare(&fixture);
    let service = fixture.run();
    let url = address(&service);
    Some(Place { browser, fixture, service, url, _broker: broker })
}

/// Writes the configuration with the page at `bind`.
pub fn configure(fixture: &Fixture, broker: u16, runtime: &str, bind: &str, cameras: &str) {
    let mqtt = format!("url = \"mqtt://127.0.0.1:{broker}\"");
    fixture.config_with(&mqtt, runtime, &format!("[web]\nbind = \"{bind}\"\n\n{cameras}"));
    // The rig may say something of the page itself: here the test does.
    let text = fs::read_to_string(fixture.config_path()).unwrap();
    assert_eq!(text.matches("[web]").count(), 1, "{text}");
}

/// Where the page is, as the log says.
pub fn address(service: &Service) -> String {
    let line = service.wait_log(&["the page is at http"]);
    let at = line.find("http").unwrap();
    let address: String = line[at..].chars().take_while(|c| !c.is_whitespace() && *c != '"').collect();
    format!("{address}/")
}

impl Place {
    /// Opens one of the views.
    pub fn view(&self, name: &str) -> View {
        let view = View::open(&self.browser, &format!("{}#{name}", self.url));
        view.wait_words("#link", "Connected");
        view
    }

    /// Ends it in order.
    pub fn end(mut self) {
        assert_eq!(self.service.stop(), Some(0), "{}", self.service.log());
    }
}

/// Goes to another view by its tab; by its address where the box has nothing to show there and hides the tab.
pub fn turn(view: &View, name: &str) {
    if has_tab(view, name) {
        view.click(&format!("#tabs a[href='#{name}']"));
    } else {
        view.eval(&format!("location.hash = '{name}'"));
    }
    view.wait(name, &format!("route.view === '{name}' && !document.getElementById('view-{name}').hidden"));
}

/// Whether the box has something to show there.
pub fn has_tab(view: &View, name: &str) -> bool {
    view.eval(&format!("!document.querySelector('#tabs a[href=\"#{name}\"]').hidden")) == true
}
