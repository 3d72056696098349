//! A process that only leads connections on, so that a system can be stopped like a process.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitCode, Stdio},
};

use crate::{oracle::proxy::Proxy, say};

/// By this name the harness is a relay.
pub(crate) const NAME: &str = "relay";

/// See the file. Ends when dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) port: u16,
}

impl Relay {
    /// Leads to a port of this machine.
    pub(crate) fn start(to: u16) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg0(NAME).arg(to.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, port: port.trim().parse().unwrap() }
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process itself: until nobody holds the other end of its standard input.
pub(crate) fn main() -> ExitCode {
    let to = env::args().nth(1).and_then(|it| it.parse().ok());
    let runtime = tokio::runtime::Runtime::new();
    let (Some(to), Ok(runtime)) = (to, runtime) else { return ExitCode::from(2) };
    let proxy = runtime.block_on(Proxy::start(to));
    say(&proxy.port().to_string());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
