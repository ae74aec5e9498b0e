//! The table of DESIGN.md ("Modules, and who may import whom") as data. Change both together.

/// Each module and what it may import. `*` marks a module of which only [`FACES`] may be used.
pub const MODULES: &[(&str, &str)] = &[
    // Shared words.
    ("types", "engine image scheduler"),
    ("telemetry", ""),
    ("ring", ""),
    ("image", ""),
    ("backoff", ""),
    ("supervisor", ""),
    ("scheduler", ""),
    ("engine", ""),
    ("timelapse", ""),
    ("serial", "config types"),
    ("datafiles", ""),
    ("jobqueue", ""),
    ("studio", ""),
    // Adapters.
    ("contract", "types"),
    ("audit", "contract telemetry types"),
    // Draws findings into a copy of a frame, for viewers and for recordings.
    ("annotate", "config image types"),
    // Encodes frames into a file, for recordings and for clips of jobs.
    ("film", "config image"),
    ("config", "datafiles timelapse engine image ring supervisor* types"),
    ("store", "datafiles config telemetry types"),
    // What may be asked: the words of all domains, of which it knows the commands alone.
    (
        "commands",
        "contract types recognition* attendance* inspection* intake* preview* microscopy* outputs* jobs*",
    ),
    ("control", "commands supervisor* telemetry types"),
    ("mqtt", "audit commands ring image store contract config backoff supervisor* telemetry types pipeline"),
    ("web", "audit commands ring image store contract config backoff supervisor* telemetry types pipeline"),
    ("zmq", "commands contract config backoff supervisor* telemetry types"),
    // Domains.
    ("camera", "ring image backoff supervisor* config telemetry types"),
    ("trigger", "backoff serial supervisor* config telemetry types"),
    ("tracking", "config telemetry types"),
    ("recognition", "ring image engine scheduler store config telemetry types pipeline"),
    ("attendance", "store contract config supervisor* telemetry types pipeline"),
    ("inspection", "ring image engine scheduler store config supervisor* telemetry types pipeline"),
    ("intake", "datafiles store contract config supervisor* telemetry types"),
    ("preview", "annotate ring image scheduler config telemetry types pipeline"),
    ("recorder", "annotate film ring image store contract config supervisor* telemetry types pipeline"),
    ("microscopy", "timelapse engine image ring scheduler supervisor* contract config telemetry types"),
    ("jobs", "jobqueue film studio image engine pipeline store contract config supervisor* telemetry types"),
    ("outputs", "backoff serial store contract config supervisor* telemetry types"),
    // What carries frames for all domains: it knows that objects are followed, and of no other domain.
    ("pipeline", "ring image engine scheduler supervisor* config telemetry types tracking"),
    // What examines the box: it tries what the domains and adapters use, and knows nothing of how they are wired.
    (
        "examine",
        "types telemetry supervisor* contract commands control config engine store camera mqtt web zmq",
    ),
    // The whole.
    (
        "service",
        "types telemetry examine audit contract commands ring image config supervisor engine store scheduler trigger control camera tracking recognition attendance inspection intake preview recorder microscopy outputs jobs pipeline mqtt web zmq",
    ),
    (
        "cli",
        "types telemetry examine audit contract commands ring image config supervisor engine store scheduler trigger control camera tracking recognition attendance inspection intake preview recorder microscopy outputs jobs pipeline mqtt web zmq service timelapse",
    ),
    ("main", "cli"),
];

/// What others may use of a module with a star: of the supervisor the words of stopping, of showing life, of starting a
/// thread and of what its panic said; of a domain its commands and their answers.
pub const FACES: &[(&str, &[&str])] = &[
    (
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
            "lower_priority",
            "usable_cores",
            "Settings",
        ],
    ),
    ("recognition", &["command"]),
    ("attendance", &["command"]),
    ("inspection", &["command"]),
    ("intake", &["command"]),
    ("preview", &["command"]),
    ("microscopy", &["command"]),
    ("outputs", &["command"]),
    ("jobs", &["command"]),
];

/// The domains: each holds one feature and none may import another. `pipeline` carries frames for all of them.
pub const DOMAINS: &[&str] = &[
    "camera",
    "tracking",
    "recognition",
    "attendance",
    "inspection",
    "intake",
    "trigger",
    "preview",
    "recorder",
    "microscopy",
    "outputs",
    "jobs",
];

/// Where `unsafe` lives: a buffer's pool, a sink lent to a foreign thread, a terminal's ioctls; in the crates the ring's
/// slots, SIMD, foreign inference libraries, time slices, what the process gives back to the kernel, and the kernel's
/// word on the clock.
pub const UNSAFE_HOMES: &[&str] = &[
    "src/camera/appsink.rs",
    "src/camera/scoped.rs",
    "src/trigger/tty.rs",
    "crates/ring/src/",
    "crates/image/src/simd",
    "crates/engine/src/arena.rs",
    "crates/engine/src/litert",
    "crates/engine/src/tflitec.rs",
    "crates/runtime/src/supervisor/slice.rs",
    "crates/runtime/src/telemetry/settle.rs",
    "crates/runtime/src/telemetry/synchronised.rs",
];

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
