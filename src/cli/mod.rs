//! The command line: one file per subcommand.

pub mod settings;

/// Runs the program; returns its exit code.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
