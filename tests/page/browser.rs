//! A real Chromium without a window, and what a person does with a page: look, click, type, tab.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headless_chrome::protocol::cdp::Page::CaptureScreenshotFormatOption;
use headless_chrome::protocol::cdp::types::{Event, Method};
use headless_chrome::{Browser, LaunchOptions, Tab};
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::data::skip;
use crate::support::wait_until;

/// A method of the DevTools protocol by its name, answered with whatever JSON comes: newer browsers say more than the
/// crate's generated types know.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Call<const WHAT: usize>(Value);

impl Method for Call<0> {
    const NAME: &'static str = "Accessibility.getFullAXTree";
    type ReturnObject = Value;
}

impl Method for Call<1> {
    const NAME: &'static str = "Emulation.setEmulatedMedia";
    type ReturnObject = Value;
}

impl Method for Call<2> {
    const NAME: &'static str = "Emulation.setDeviceMetricsOverride";
    type ReturnObject = Value;
}

impl Method for Call<3> {
    const NAME: &'static str = "Runtime.evaluate";
    type ReturnObject = Value;
}

/// The browser, where there is one.
pub fn browser() -> Option<Browser> {
    let Some(path) = installed() else {
        skip(
            "no Chromium is installed, so nobody looked at the page. On Debian: apt-get install chromium; on Ubuntu, \
             whose package is a snap: install google-chrome-stable",
        );
        return None;
    };
    // Chromium refuses to be root inside its sandbox.
    let sandbox = !rustix::process::getuid().is_root();
    let options = LaunchOptions {
        path: Some(path),
        sandbox,
        window_size: Some((1280, 800)),
        idle_browser_timeout: Duration::from_secs(300),
        args: vec![OsStr::new("--headless=new"), OsStr::new("--lang=en-GB")],
        ..LaunchOptions::default()
    };
    Some(Browser::new(options).expect("Chromium starts"))
}

fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let paths =
        names.iter().flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)));
    // Ubuntu's `chromium-browser` may be a script that only says that there is a snap.
    paths.into_iter().find(|path| runs(path))
}

fn runs(path: &Path) -> bool {
    path.is_file()
        && std::process::Command::new(path).arg("--version").output().is_ok_and(|reported| {
            reported.status.success() && String::from_utf8_lossy(&reported.stdout).contains("Chrom")
        })
}

/// One open page.
pub struct View {
    tab: Arc<Tab>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl View {
    /// Opens `url` and waits until the script of the page runs.
    pub fn open(browser: &Browser, url: &str) -> View {
        let view = View::blank(browser);
        view.go(url);
        view
    }

    /// An empty page, in which what the browser complains about is already heard.
    pub fn blank(browser: &Browser) -> View {
        let tab = browser.new_tab().expect("a tab");
        let faults = Arc::new(Mutex::new(Vec::new()));
        let heard = faults.clone();
        tab.enable_log().unwrap().enable_runtime().unwrap();
        tab.add_event_listener(Arc::new(move |event: &Event| {
            if let Some(fault) = fault(event) {
                heard.lock().unwrap().push(fault);
            }
        }))
        .unwrap();
        View { tab, faults }
    }

    pub fn go(&self, url: &str) {
        self.tab.navigate_to(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        self.wait("the page's script", "typeof route === 'object' && route.view !== ''");
    }

    /// What the browser complained about: exceptions, refusals of the content policy, failed requests.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    /// The value of an expression (JSON), promises awaited. Panics where it throws.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        let reported = self.call::<3>(json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        }));
        assert!(reported["exceptionDetails"].is_null(), "{expression}: {}", reported["exceptionDetails"]);
        reported["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait(&self, what: &str, expression: &str) {
        let is_true = |value: Value| value["result"]["value"] == true;
        wait_until(what, || {
            match self.tab.call_method(Call::<3>(json!({ "expression": expression }))) {
                Ok(value) => is_true(value),
                // A page that loads itself anew (at a logout) has no value between its two documents.
                Err(error) if error.to_string().contains("navigated or closed") => false,
                Err(error) => panic!("{what}: {error}"),
            }
        });
    }

    /// The words in the first element that `selector` finds; empty where there is none.
    pub fn words(&self, selector: &str) -> String {
        let quoted = json!(selector);
        let reported = self.eval(&format!("document.querySelector({quoted})?.innerText ?? ''"));
        reported.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the words in `selector` contain `words`.
    #[track_caller]
    pub fn wait_words(&self, selector: &str, words: &str) {
        let (selector, wanted) = (json!(selector), json!(words));
        self.wait(
            &format!("{wanted} in {selector}"),
            &format!("[...document.querySelectorAll({selector})].some(e => e.innerText.includes({wanted}))"),
        );
    }

    /// Clicks where a person would: in the middle of the element.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        // What the page learns late (status, alarms) moves the rest; a click on where a button was a moment ago hits nothing.
        let quoted = json!(selector);
        self.wait(
            &format!("{selector} stands still"),
            &format!(
                "(() => {{ const e = document.querySelector({quoted}); if (!e) return false;\
                 const r = e.getBoundingClientRect(); const now = [{quoted}, r.x, r.y, r.width, r.height].join();\
                 const calm = window.calm?.now === now ? window.calm.times + 1 : 0;\
                 window.calm = {{ now, times: calm }}; return calm >= 5; }})()"
            ),
        );
        self.tab.wait_for_element(selector).and_then(|found| found.click().map(drop)).unwrap_or_else(
            |error| {
                panic!("{selector}: {error}");
            },
        );
    }

    /// Focuses `selector` and types.
    #[track_caller]
    pub fn write(&self, selector: &str, text: &str) {
        let quoted = json!(selector);
        self.eval(&format!(
            "(() => {{ const e = document.querySelector({quoted}); e.focus(); e.select?.(); }})()"
        ));
        self.tab.send_character(text).unwrap();
    }

    pub fn key(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    /// Chooses files, as the dialog of the system would.
    pub fn choose(&self, selector: &str, files: &[PathBuf]) {
        let names: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        self.tab.find_element(selector).unwrap().set_input_files(&names).unwrap();
    }

    /// The colours that the system wishes for.
    pub fn prefer(&self, scheme: &str) {
        self.call::<1>(json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }));
    }

    /// A screen of so many CSS px.
    pub fn screen(&self, width: u32, height: u32) {
        self.call::<2>(
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800 }),
        );
    }

    /// Keeps a screenshot in the folder that `OCELLUS_PICTURES` names, for people to look at; nothing without it.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("OCELLUS_PICTURES") else { return };
        let png = self.tab.capture_screenshot(CaptureScreenshotFormatOption::Png, None, None, true).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }

    /// Role and name of everything that a screen reader meets.
    pub fn spoken(&self) -> Vec<(String, String)> {
        let tree = self.call::<0>(json!({}));
        let text = |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().expect("the tree").iter();
        nodes
            .filter(|node| node["ignored"] != true)
            .map(|node| (text(node, "role"), text(node, "name")))
            .collect()
    }

    #[track_caller]
    fn call<const WHAT: usize>(&self, parameters: Value) -> Value
    where
        Call<WHAT>: Method<ReturnObject = Value> + std::fmt::Debug,
    {
        self.tab.call_method(Call::<WHAT>(parameters)).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn fault(event: &Event) -> Option<String> {
    match event {
        Event::LogEntryAdded(reported) => {
            let entry = &reported.params.entry;
            Some(format!("{} {}", entry.text, entry.url.as_deref().unwrap_or_default()))
        }
        Event::RuntimeExceptionThrown(reported) => Some(format!("{:?}", reported.params.exception_details)),
        _ => None,
    }
}
