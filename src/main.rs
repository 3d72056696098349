//! The `simpul` program: see [`simpul::cli`].

fn main() -> std::process::ExitCode {
    simpul::cli::main()
}
