//! The commands, a file for each noun.

pub mod acceptance;
pub mod account;
pub mod apply;
pub mod approval;
pub mod audit;
pub mod backup;
pub mod batch;
pub mod bwlimit;
pub mod config;
mod consent;
pub mod context;
pub mod copy;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod endpoint;
pub mod explain;
pub mod item;
pub mod login;
pub mod message;
pub mod notify;
pub mod pages;
mod planner;
pub mod readiness;
pub mod report;
pub mod restore;
pub mod run_options;
pub mod scan;
pub mod schedule;
pub mod serve;
pub mod setup;
pub mod shell;
pub mod stall;
pub mod support;
pub mod throttle;
mod tidings;
pub mod token;
pub mod user;
pub mod verify;
mod verify_batch;
pub mod waiting;
pub mod worker;

use std::sync::Arc;

use clap::ArgMatches;
use mailferry_model::port::Connector;

pub use consent::{says_yes, to_remove};

use crate::{
    args::{Cli, Form, Global, Language, Noun},
    exit::{self, Failure},
    out::{self, Out},
};

/// What commands are given.
pub struct Asked<'a> {
    /// The global flags.
    pub global: &'a Global,
    /// Everything that was given.
    pub matches: &'a ArgMatches,
    /// The kinds of systems.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// Where to speak.
    pub out: &'a Out,
}

/// Runs a command; its exit code.
pub async fn run(
    cli: Cli,
    matches: &ArgMatches,
    connectors: Vec<Arc<dyn Connector>>,
    out: &Out,
) -> Result<u8, Failure> {
    let asked = Asked { global: &cli.global, matches, connectors, out };
    consent::to_change(&asked)?;
    if cli.global.lang != Language::En && !matches!(cli.command, Noun::Message(_)) {
        return Err(Failure::usage("--lang: only messages to people are in other languages than English"));
    }
    match cli.command {
        Noun::Copy(args) => copy::run(asked, args).await,
        Noun::Verify(args) => verify::run(asked, args).await,
        Noun::Endpoint(command) => endpoint::run(asked, command).await,
        Noun::Batch(command) => batch::run(asked, command).await,
        Noun::User(command) => user::run(asked, command).await,
        Noun::Item(command) => item::run(asked, command).await,
        Noun::Domain(command) => domain::run(asked, command).await,
        Noun::Scan(command) => scan::run(asked, command).await,
        Noun::Stall(command) => stall::run(asked, command).await,
        Noun::Readiness(args) => readiness::run(asked, args).await,
        Noun::Message(command) => message::run(asked, command).await,
        Noun::Report(command) => report::run(asked, command).await,
        Noun::Account(command) => account::run(asked, command).await,
        Noun::Token(command) => token::run(asked, command).await,
        Noun::Notify(command) => notify::run(asked, command).await,
        Noun::Webhook(command) => notify::webhook(asked, command).await,
        Noun::Audit(command) => audit::run(asked, command).await,
        Noun::Login(args) => login::run(asked, args).await,
        Noun::Logout => login::logout(asked).await,
        Noun::Whoami => login::whoami(asked).await,
        Noun::Context(command) => context::run(&asked, command),
        Noun::Config(command) => config::run(asked, command).await,
        Noun::Bwlimit(command) => bwlimit::run(asked, command).await,
        Noun::Openapi => {
            out::print(&openapi());
            Ok(exit::OK)
        }
        Noun::Setup(args) => setup::run(asked, args).await,
        Noun::Apply(args) => apply::apply(asked, args).await,
        Noun::Export(args) => apply::export(asked, args).await,
        Noun::Doctor(args) => doctor::run(asked, args).await,
        Noun::Support(command) => support::run(asked, command).await,
        Noun::Completions(args) => pages::completions(&asked, &args),
        Noun::Man(args) => pages::man(&asked, &args),
        Noun::Backup(args) => backup::run(asked, args).await,
        Noun::Restore(args) => restore::run(asked, args).await,
        Noun::Explain(args) => explain::run(&asked, &args),
        Noun::Shell(args) => shell::run(asked, args).await,
        Noun::Serve(args) => serve::run(asked, args).await,
        Noun::Worker(args) => worker::run(asked, args).await,
        Noun::Demo(args) => demo::run(asked, args).await,
        Noun::Version => {
            match out.form {
                Form::Json | Form::Yaml => {
                    out.show(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }), &[]);
                }
                _ => out::print(concat!("mailferry ", env!("CARGO_PKG_VERSION"), "\n")),
            }
            Ok(exit::OK)
        }
    }
}

/// The document of the API, as it is kept in the repository.
fn openapi() -> String {
    let text = serde_json::to_string_pretty(&mailferry_server::document()).unwrap_or_default();
    format!("{text}\n")
}
