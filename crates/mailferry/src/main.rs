//! The binary: command line and wiring. It decides nothing about mail.

mod account;
mod api;
mod archive;
mod args;
mod clock;
mod cmd;
mod contexts;
mod database;
mod defaults;
mod exit;
mod instance;
mod logging;
mod native;
mod out;
mod parsing;
mod progress;
mod reach;
mod refusal;
mod remote;
mod reports;
mod result;
mod room;
mod secrets;
mod signals;
mod tabled;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::{args::Cli, defaults::Defaults, exit::Failure, out::Out};

fn main() -> ExitCode {
    // sqlx and rustls ask the process for a provider; a second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    keep_memory();
    let connectors = mailferry_connect::registry();
    let manifests: Vec<_> = connectors.iter().map(|c| c.manifest()).collect();
    let words = cmd::shell::as_shell(std::env::args_os());
    let command = args::command(&manifests);
    let defaults = match Defaults::read() {
        Ok(defaults) => defaults,
        Err(failure) => return unusable(&failure),
    };
    let command = defaults.over(command);
    let read = command.clone().try_get_matches_from(words);
    let read = read.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (mut cli, matches) = match read {
        Ok(read) => read,
        Err(error) => return said(&parsing::unsaid(error, &command, &refusal::words())),
    };
    cli.global.defaults = defaults;
    logging::start(&cli.global);
    let out = Out::of(&cli.global);
    let runtime = runtime_of(&cli.command);
    let ended = match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(async {
                signals::outlive_file_limits();
                cmd::run(cli, &matches, connectors, &out).await
            });
            // Nothing is left to wait for: what matters was awaited by the command.
            runtime.shutdown_background();
            code
        }
        Err(error) => Err(Failure::own(format!("the runtime did not start: {error}"))),
    };
    match ended {
        Ok(code) => ExitCode::from(out::code_of_output(code)),
        Err(failure) => {
            out.complain(&failure);
            out.end(|| refusal::object(&failure, &refusal::words()));
            ExitCode::from(out::code_of_output(failure.exit_code()))
        }
    }
}

/// The C library gives large blocks back to the system when they are freed, and has to ask for the next ones anew: a
/// copy would have the same pages cleared again and again. From the largest block freed so far it learns what size is
/// worth keeping. The block is never written to, so that it takes no memory.
fn keep_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(24 << 20)));
}

/// The file of defaults cannot be used.
fn unusable(failure: &Failure) -> ExitCode {
    out::complain(&format!("{}\n", failure.sentence()));
    let words = refusal::words();
    if refusal::wants_json(&words) {
        out::document(&refusal::object(failure, &words));
    }
    ExitCode::from(failure.exit_code())
}

/// Help, the version, or what is wrong with the command line.
fn said(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() {
        let words = refusal::words();
        if refusal::wants_json(&words) {
            let failure = Failure::usage(refusal::sentence(&error.to_string()));
            out::document(&refusal::object(&failure, &words));
        }
        return ExitCode::from(exit::USAGE);
    }
    out::noted(printed);
    ExitCode::from(out::code_of_output(exit::OK))
}

/// One mailbox is carried by one thread: handing every piece from thread to thread costs more than it gains.
/// A batch carries many, by two.
fn runtime_of(command: &args::Noun) -> std::io::Result<tokio::runtime::Runtime> {
    match command {
        args::Noun::Copy(_) | args::Noun::Verify(_) => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        }
        // Whoever claims holds up all other workers until it is done: it must not wait for mailboxes to let it run.
        args::Noun::Serve(_) | args::Noun::Worker(_) => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            tokio::runtime::Builder::new_multi_thread().worker_threads(cores.max(4)).enable_all().build()
        }
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
    }
}
