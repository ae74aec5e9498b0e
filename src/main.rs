//! Arguments → run → exit code.

fn main() -> std::process::ExitCode {
    ocellus::cli::main()
}
