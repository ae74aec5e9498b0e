//! The table of DESIGN.md ("Modules, and who may import whom") as data. Change both together.

/// Each module and what it may import. `*` marks a module of which only [`FACES`] may be used.
pub const MODULES: &[(&str, &str)] = &[
    ("types", "engine image"),
    ("telemetry", ""),
    ("contract", "types"),
    ("audit", "contract telemetry types"),
    ("ring", ""),
    ("image", ""),
    ("engine", ""),
    ("supervisor", ""),
    ("config", "engine supervisor* types"),
    ("store", "config telemetry types"),
    ("scheduler", "ring supervisor* config telemetry types"),
    ("control", "supervisor* telemetry types"),
    ("trigger", "supervisor* config telemetry types"),
    ("capture", "ring image supervisor* config telemetry types"),
    ("stages", "ring image engine store config telemetry types"),
    ("jobs", "image engine store scheduler stages config supervisor* telemetry types"),
    ("batch", "image engine store scheduler stages config supervisor* telemetry types"),
    ("sinks", "audit ring image store jobs contract config supervisor* telemetry types"),
    ("pipeline", "ring scheduler stages sinks trigger supervisor* telemetry types"),
    (
        "app",
        "types telemetry audit contract ring image config supervisor engine store scheduler trigger control capture stages jobs batch sinks pipeline",
    ),
    (
        "cli",
        "types telemetry audit contract ring image config supervisor engine store scheduler trigger control capture stages jobs batch sinks pipeline app",
    ),
    ("main", "cli"),
];

/// What others may use of a module with a star: the words of stopping, of showing life, of starting a thread and of what
/// its panic said.
pub const FACES: &[(&str, &[&str])] = &[(
    "supervisor",
    &[
        "Stop",
        "Beat",
        "spawn",
        "Spawned",
        "SpawnError",
        "JoinError",
        "time_slice",
        "panic_text",
        "usable_cores",
        "Settings",
    ],
)];

/// Modules whose children may not import each other.
pub const STRANGERS: &[&str] = &["stages", "sinks"];

/// Where `unsafe` lives in the product: a buffer's pool, a sink lent to a foreign thread, and
/// a terminal's ioctls.
pub const UNSAFE_HOMES: &[&str] = &["src/capture/appsink.rs", "src/capture/lent.rs", "src/trigger/tty.rs"];

/// Who may call `thread::spawn`: nobody in the product: the helper in `crates/runtime` names the thread.
pub const THREAD_HOMES: &[&str] = &[];

/// One row of [`MODULES`].
pub struct May(&'static str);

/// The row of `module`.
pub fn may_import(module: &str) -> Option<May> {
    MODULES.iter().find(|(name, _)| *name == module).map(|(_, may)| May(may))
}

impl May {
    /// Whether the row has the arrow to `path` (from the crate's root), or why not.
    pub fn allows(&self, path: &[String]) -> Result<(), String> {
        let Some(to) = path.first() else { return Err("may not import the whole crate".into()) };
        if self.names().any(|(name, whole)| name == to && whole) {
            return Ok(());
        }
        let face = FACES.iter().find(|(name, _)| name == to).map_or(&[][..], |(_, face)| face);
        match path.get(1) {
            Some(word) if self.has(to) && face.contains(&word.as_str()) => Ok(()),
            _ if self.has(to) => Err(format!("may use no more of `{to}` than {}", face.join(", "))),
            _ => Err(format!("may not import `{to}`")),
        }
    }

    /// The modules of the row, and whether all of each may be used.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.0.split_whitespace().map(|word| (word.trim_end_matches('*'), !word.ends_with('*')))
    }

    fn has(&self, module: &str) -> bool {
        self.names().any(|(name, _)| name == module)
    }
}
