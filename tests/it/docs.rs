//! The documentation: every configuration in it is one that `ocellus check` accepts, every command exists, every link
//! leads somewhere, the book lists every page, and README.md stays short.
//!
//! A block of TOML says in its info string what it is:
//!
//! | info string | what `ocellus check` is given |
//! |---|---|
//! | `toml` | the block, as a whole configuration |
//! | `toml,fragment` | the block, and the sections that it takes for granted ([`GIVEN`]) |
//! | `toml,recipe` | the block as the recipe of the product "page"; `size` may be left out |
//! | `toml,card` | the block as the card of a model of its `task` |
//!
//! A block `toml,experiment` is a microscopy recipe, and a block `toml,provision` is a provisioning file: `cli/provision.rs` applies it.
//!
//! `fails` behind it (`toml,fragment,fails`) says that `check` must refuse it with exit code 3.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::complaint;
use toml::Table;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a fragment takes for granted, each under the key that decides whether it has it itself.
const GIVEN: &[(&str, &str)] = &[
    ("model.scene", "[model.scene]\npath = \"models/scene.tflite\"\n"),
    ("model.face", "[model.face]\npath = \"models/face_detection_back.tflite\"\n"),
    ("model.embedding", "[model.embedding]\npath = \"models/mobilefacenet_float32.tflite\"\n"),
    ("model.part-embed", "[model.part-embed]\npath = \"models/part-embed.tflite\"\n"),
    ("model.part-class", "[model.part-class]\npath = \"models/part-class.tflite\"\n"),
    (
        "camera",
        "[[camera]]\nname = \"line1\"\nsource = \"scene:?line=plate&seed=9\"\n\
         inspect = { product = \"plate\", recipes = \"recipes\" }\n",
    ),
];

/// Models that the pages name: the task of the card, and input and outputs of the stand-in. The stub runtime reads
/// them, because what is checked here is the configuration; `service/profiles.rs` has the real models.
const MODELS: &[(&str, &str, &str)] = &[
    ("scene", "yolo", "u8 240,320 1,9,1500"),
    ("bottles", "yolo", "f32 320,320 1,6,2100"),
    ("face_detection_back", "blazeface", "f32 256,256 1,896,16 1,896,1"),
    ("mobilefacenet_float32", "embed", "f32 112,112 1,128"),
    ("part-embed", "embed", "f32 96,96 1,64"),
    ("part-class", "classify", "f32 96,96 1,2"),
    ("edsr", "upscale", "f32 128,128 1,256,256,3"),
    ("deeplab", "segment", "f32 64,64 1,64,64,2"),
];

fn labels(task: &str, stem: &str) -> &'static str {
    match (task, stem) {
        ("yolo", "scene") => r#"labels = ["washer", "gear", "plate", "bracket", "defect"]"#,
        ("yolo", _) => r#"labels = ["bottle", "cap"]"#,
        ("blazeface", _) => r#"labels = ["face"]"#,
        ("classify", _) => r#"labels = ["upright", "upside-down"]"#,
        _ => "",
    }
}

/// A model of the stub runtime: dtype of all tensors, height and width of the input, then the shape of each output.
fn stub(shapes: &str) -> String {
    let mut parts = shapes.split(' ');
    let (dtype, size) = (parts.next().unwrap(), parts.next().unwrap());
    let mut text =
        format!("[[input]]\nname = \"image\"\nshape = [1, {size}, 3]\ndtype = \"{dtype}\"\nscale = 0.0039\n");
    for (at, shape) in parts.enumerate() {
        text += &format!("[[output]]\nname = \"out{at}\"\nshape = [{shape}]\ndtype = \"f32\"\n");
    }
    text
}

/// One fenced block.
struct Block {
    page: PathBuf,
    line: usize,
    info: Vec<String>,
    text: String,
}

impl Block {
    fn is(&self, word: &str) -> bool {
        self.info.iter().any(|known| known == word)
    }

    fn place(&self) -> String {
        format!("{}:{}", self.page.strip_prefix(ROOT).unwrap().display(), self.line)
    }
}

/// README.md and every page of the book, decisions included.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![Path::new(ROOT).join("README.md")];
    let mut folders = vec![Path::new(ROOT).join("docs")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "md") => pages.push(path),
                false => {}
            }
        }
    }
    pages.sort();
    pages
}

/// The text of a page with what it includes, as mdBook includes it.
fn text_of(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let included = |line: &str| {
        let file = line.trim().strip_prefix("{{#include ")?.strip_suffix("}}")?;
        Some(fs::read_to_string(page.parent().unwrap().join(file)).unwrap_or_else(|e| panic!("{file}: {e}")))
    };
    text.lines().map(|line| included(line).unwrap_or_else(|| line.into()) + "\n").collect()
}

/// The fenced blocks of a page, and its lines outside of them.
fn split(page: &Path) -> (Vec<Block>, Vec<(usize, String)>) {
    let (mut blocks, mut prose, mut open) = (Vec::new(), Vec::new(), None::<Block>);
    for (at, line) in text_of(page).lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => {
                let info = info.split(',').map(|word| word.trim().to_owned()).collect();
                open = Some(Block { page: page.into(), line: at + 1, info, text: String::new() });
            }
            (None, Some(mut block)) => {
                block.text += &format!("{line}\n");
                open = Some(block);
            }
            (None, None) => prose.push((at + 1, line.to_owned())),
        }
    }
    assert!(open.is_none(), "{}: a block without an end", page.display());
    (blocks, prose)
}

/// Writes the block where the service would find it, with all that it needs beside it; the configuration to check.
fn lay_out(block: &Block, dir: &Path) -> PathBuf {
    fs::create_dir_all(dir.join("models")).unwrap();
    fs::create_dir_all(dir.join("etc")).unwrap();
    fs::create_dir_all(dir.join("recipes")).unwrap();
    for (stem, task, shapes) in MODELS {
        fs::write(dir.join(format!("models/{stem}.stub")), stub(shapes)).unwrap();
        let card = format!("task = \"{task}\"\n{}\n", labels(task, stem));
        fs::write(dir.join(format!("models/{stem}.toml")), card).unwrap();
    }
    fs::copy(Path::new(ROOT).join("config/recipes/plate.toml"), dir.join("recipes/plate.toml")).unwrap();
    for name in [
        "front.password",
        "front.secret",
        "mqtt.password",
        "ca.pem",
        "web.pem",
        "web.key",
        "box1.pem",
        "box1.key",
    ] {
        fs::write(dir.join("etc").join(name), "0123456789\n").unwrap();
    }
    fs::write(dir.join("etc/users"), "anna:admin:$argon2id$v=19$m=19456,t=2,p=1$uFFA1hEez9ITIflakMaTew$rpk/qk0ulPwYKU7UHAdAamLjmCT+D2YliEnd8Ads+i4\n").unwrap();

    let mut config = if block.is("recipe") || block.is("card") { String::new() } else { block.text.clone() };
    if block.is("recipe") {
        let size = if block.text.contains("size =") { "" } else { "size = [640, 480]\n" };
        fs::write(dir.join("recipes/page.toml"), format!("{size}{}", block.text)).unwrap();
    }
    if block.is("card") {
        let card: Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.place()));
        let (stem, ..) =
            MODELS.iter().rev().find(|(_, task, _)| card["task"].as_str() == Some(task)).unwrap();
        fs::write(dir.join(format!("models/{stem}.toml")), &block.text).unwrap();
        config = format!("[model.page]\npath = \"models/{stem}.tflite\"\n");
    }
    let own: Table = config.parse().unwrap_or_else(|error| panic!("{}: {error}", block.place()));
    let has = |key: &str| match key.split_once('.') {
        Some((table, name)) => own.get(table).and_then(|table| table.get(name)).is_some(),
        None => own.contains_key(key),
    };
    if block.info.len() > 1 {
        config.extend(GIVEN.iter().filter(|(key, _)| !has(key)).map(|(_, text)| format!("\n{text}")));
    }
    if !has("runtime") {
        config += "\n[runtime]\nkind = \"stub\"\n";
    }
    let file = dir.join("page.toml");
    // The stub runtime knows its models by their ending.
    let config = config.replace(".tflite\"", ".stub\"").replace("kind = \"litert\"", "kind = \"stub\"");
    fs::write(&file, config.replace("/etc/ocellus/", &format!("{}/etc/", dir.display()))).unwrap();
    file
}

#[test]
fn every_configuration_in_the_documentation_is_one_that_check_accepts() {
    let decisions = Path::new(ROOT).join("docs/decisions");
    let blocks: Vec<Block> = pages()
        .iter()
        .filter(|page| !page.starts_with(&decisions))
        .flat_map(|page| split(page).0)
        .filter(|block| block.is("toml") && !block.is("provision") && !block.is("experiment"))
        .collect();
    assert!(blocks.len() >= 10, "only {} blocks of TOML were found", blocks.len());
    let mut wrong = String::new();
    for block in &blocks {
        let known = ["toml", "fragment", "recipe", "card", "fails"];
        assert!(
            block.info.iter().all(|word| known.contains(&&**word)),
            "{}: {:?}",
            block.place(),
            block.info
        );
        let dir = tempfile::tempdir().unwrap();
        let file = lay_out(block, dir.path());
        let mut check = Command::new(env!("CARGO_BIN_EXE_ocellus"));
        check.args(["check", "--config"]).arg(&file).current_dir(dir.path());
        let output = check.output().unwrap();
        let expected = if block.is("fails") { 3 } else { 0 };
        if output.status.code() != Some(expected) {
            let said = complaint(&output);
            wrong += &format!("{}: {:?}, not {expected}: {said}\n", block.place(), output.status.code());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_microscopy_recipe_in_the_documentation_and_in_config_is_read_without_a_fault() {
    let mut recipes =
        vec![fs::read_to_string(Path::new(ROOT).join("config/experiments/time-lapse.toml")).unwrap()];
    let blocks = pages().into_iter().flat_map(|page| split(&page).0);
    recipes.extend(blocks.filter(|block| block.is("experiment")).map(|block| block.text));
    assert!(recipes.len() >= 2, "no recipe was found");
    for recipe in recipes {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("experiment.toml");
        fs::write(&file, &recipe).unwrap();
        // The model that a recipe names must be there; only a run opens it.
        fs::write(dir.path().join("cells.tflite"), "").unwrap();
        ocellus::config::Experiment::load(&file).unwrap_or_else(|faults| panic!("{recipe}\n{faults}"));
    }
}

/// The help of each command that a line of the documentation shows: `a|b` stands for two. Errors: there is no such command.
fn helps(words: &[&str]) -> Result<Vec<String>, String> {
    let deeper = ["alarm", "batch", "command", "faces", "golden", "jobs", "models", "simulate", "users"]
        .contains(&words[0]);
    let nested: Vec<&str> = if deeper { words[1].split('|').collect() } else { vec![""] };
    // Each kind of job has options of its own.
    let kinds: Vec<&str> =
        if words.starts_with(&["jobs", "add"]) { words[2].split('|').collect() } else { vec![""] };
    let commands = words[0].split('|').flat_map(|word| nested.iter().map(move |under| [word, *under]));
    let commands = commands.flat_map(|[word, under]| kinds.iter().map(move |kind| [word, under, *kind]));
    let help = |command: [&str; 3]| {
        let words = command.into_iter().filter(|word| !word.is_empty());
        let output = Command::new(env!("CARGO_BIN_EXE_ocellus")).args(words).arg("--help").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(command.join(" ")) }
    };
    commands.map(help).collect()
}

#[test]
fn every_command_in_the_documentation_exists_with_its_options() {
    let mut wrong = String::new();
    let mut seen = 0;
    for page in pages() {
        for (at, line) in split(&page).1 {
            let Some(code) = line.strip_prefix("    ") else { continue };
            let code = code.strip_prefix("sudo ").unwrap_or(code).split(" #").next().unwrap();
            let Some(arguments) = code.strip_prefix("ocellus ") else { continue };
            let words: Vec<&str> = arguments.split_whitespace().collect();
            let options = arguments.split(['[', ']', '|', ' ']).filter(|word| word.starts_with("--"));
            match helps(&words) {
                Ok(helps) => wrong.extend(
                    options
                        .filter(|option| !helps.iter().all(|help| help.contains(option)))
                        .map(|option| format!("{}:{at}: {} has no {option}\n", page.display(), words[0])),
                ),
                Err(command) => wrong += &format!("{}:{at}: there is no {command}\n", page.display()),
            }
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{wrong}");
}

/// The headings of a page as mdBook and code hosts name them in links.
fn anchors(page: &Path) -> BTreeSet<String> {
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    };
    let headings = split(page).1.into_iter().filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| slug(line.trim_start_matches('#'))).collect()
}

/// The targets of links and pictures in a line, but not of those in code.
fn links(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
    let after = |start: &'static str, end: char| {
        let pieces = prose.split(start).skip(1).filter_map(move |piece| piece.split(end).next());
        pieces.map(str::to_owned).collect::<Vec<_>>()
    };
    let found = after("](", ')').into_iter().chain(after("src=\"", '"'));
    found.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_to_a_heading() {
    let mut files = pages();
    files.extend(["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|name| Path::new(ROOT).join(name)));
    let mut known = BTreeMap::new();
    let mut wrong = String::new();
    for page in &files {
        for (line, link) in
            split(page).1.iter().flat_map(|(at, line)| links(line).into_iter().map(move |link| (at, link)))
        {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let place = format!("{}:{line}", page.strip_prefix(ROOT).unwrap().display());
            let docs = Path::new(ROOT).join("docs");
            let Ok(target) = target.canonicalize() else {
                wrong += &format!("{place}: there is no {link}\n");
                continue;
            };
            if page.starts_with(&docs) && !target.starts_with(&docs) {
                wrong +=
                    &format!("{place}: {link} is not in the book; name the file instead of linking it\n");
            } else if !heading.is_empty()
                && !known.entry(target.clone()).or_insert_with(|| anchors(&target)).contains(heading)
            {
                wrong += &format!("{place}: {} has no heading {heading}\n", target.display());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Decisions are dated: the files that they name may have moved since.
#[test]
fn every_file_that_the_documentation_names_exists() {
    let decisions = Path::new(ROOT).join("docs/decisions");
    let mut files: Vec<PathBuf> = pages().into_iter().filter(|page| !page.starts_with(&decisions)).collect();
    files.extend(["CONTRIBUTING.md", "SECURITY.md"].map(|name| Path::new(ROOT).join(name)));
    let folders =
        ["src/", "crates/", "tests/", "scripts/", "examples/", "benches/", "packaging/", "systemd/"];
    let is_path = |code: &&str| {
        folders.iter().any(|folder| code.starts_with(folder)) && !code.contains(' ') && !code.contains("NAME")
    };
    let mut wrong = String::new();
    for page in &files {
        for (at, line) in split(page).1 {
            let named = line.split('`').skip(1).step_by(2).filter(is_path);
            let missing = named.filter(|path| !Path::new(ROOT).join(path).exists());
            wrong.extend(missing.map(|path| format!("{}:{at}: there is no {path}\n", page.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_book_lists_every_page() {
    let docs = Path::new(ROOT).join("docs");
    let summary = split(&docs.join("SUMMARY.md")).1;
    let listed: Vec<PathBuf> =
        summary.iter().flat_map(|(_, line)| links(line)).map(|l| docs.join(l)).collect();
    let missing: Vec<PathBuf> = pages()
        .into_iter()
        .filter(|page| page.starts_with(&docs) && !page.ends_with("SUMMARY.md") && !listed.contains(page))
        .collect();
    assert!(missing.is_empty(), "add a line to docs/SUMMARY.md for each of {missing:?}");
}

#[test]
fn the_readme_has_at_most_150_lines() {
    let lines = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap().lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; the details belong into docs/");
}
