//! The command line: nouns and verbs, global flags, and the flags that manifests ask for.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, Parser, Subcommand, ValueEnum};
use mailferry_model::settings::{Manifest, SettingSpec, Settings, Takes};

use crate::{
    cmd::{self, schedule},
    defaults::Defaults,
    out,
};

/// Moves mailboxes between mail systems: completely, exactly once, and so that you can see why you may trust it.
#[derive(Parser)]
#[command(name = "mailferry", version, disable_help_subcommand = false, max_term_width = 100)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Noun,
}

/// What to do.
#[derive(Subcommand)]
pub enum Noun {
    /// Copy one mailbox: run it again for what is new, or after a crash
    Copy(cmd::copy::CopyArgs),
    /// Look again at source and target, and say whether everything is there
    Verify(cmd::verify::VerifyArgs),
    /// Servers and how to sign in to them
    #[command(subcommand)]
    Endpoint(cmd::endpoint::EndpointCommand),
    /// Lists of mailboxes that migrate together
    #[command(subcommand)]
    Batch(cmd::batch::BatchCommand),
    /// The mailboxes of batches
    #[command(subcommand)]
    User(cmd::user::UserCommand),
    /// Why mailboxes wait, since when, and what helps
    #[command(subcommand)]
    Stall(cmd::stall::StallCommand),
    /// Items that were skipped, are missing, doubled, changed or left out
    #[command(subcommand)]
    Item(cmd::item::ItemCommand),
    /// What mailboxes hold before anything moves: sizes, counts, folders, what is too large
    #[command(subcommand)]
    Scan(cmd::scan::ScanCommand),
    /// The switch of the mail flow: what the DNS of a domain says, and what it shall say
    #[command(subcommand)]
    Domain(cmd::domain::DomainCommand),
    /// Texts to the people whose mailboxes move, with the dates of a batch
    #[command(subcommand)]
    Message(cmd::message::MessageCommand),
    /// What should be in order before batches move, and who says so
    Readiness(cmd::readiness::ReadinessArgs),
    /// What the last passes of mailboxes found, in numbers and a sentence
    #[command(subcommand)]
    Report(cmd::report::ReportCommand),
    /// What holds for the whole tenant: the ceiling over all endpoints
    #[command(subcommand)]
    Config(cmd::config::ConfigCommand),
    /// How much may be moved when
    #[command(subcommand)]
    Bwlimit(cmd::bwlimit::BwlimitCommand),
    /// Who may sign in at the service, and what each may do
    #[command(subcommand)]
    Account(cmd::account::AccountCommand),
    /// Tokens for programs
    #[command(subcommand)]
    Token(cmd::token::TokenCommand),
    /// Who is told what happened, and what became of it
    #[command(subcommand)]
    Notify(cmd::notify::NotifyCommand),
    /// Programs that are told what happened, signed
    #[command(subcommand)]
    Webhook(cmd::notify::WebhookCommand),
    /// Who did what, and whether nobody changed the record of it
    #[command(subcommand)]
    Audit(cmd::audit::AuditCommand),
    /// Sign in at a service; further commands go there
    Login(cmd::login::LoginArgs),
    /// Sign out; further commands work on this machine's data folder
    Logout,
    /// Who is signed in where
    Whoami,
    /// Which services there are, and which one is asked
    #[command(subcommand)]
    Context(cmd::context::ContextCommand),
    /// Make the endpoints what a file says, after showing what that changes
    Apply(cmd::apply::ApplyArgs),
    /// Print all endpoints in the form that apply reads, without secrets
    Export(cmd::apply::ExportArgs),
    /// The first run: make data folder and master key, print the unit for systemd
    Setup(cmd::setup::SetupArgs),
    /// Look at this machine and the data folder: what is missing, and what to do
    Doctor(cmd::doctor::DoctorArgs),
    /// Write all that is remembered into one file
    Backup(cmd::backup::BackupArgs),
    /// Put a backup into an empty data folder
    Restore(cmd::restore::RestoreArgs),
    /// For those who help
    #[command(subcommand)]
    Support(cmd::support::SupportCommand),
    /// Print what makes a shell complete words: source <(mailferry completions bash)
    Completions(cmd::pages::CompletionsArgs),
    /// Print the manual, or write a page for each command
    Man(cmd::pages::ManArgs),
    /// What a code or a state means, and what to do
    Explain(cmd::explain::ExplainArgs),
    /// Native commands (New-MigrationEndpoint …) as guides print them: from a file, standard input or a prompt
    Shell(cmd::shell::ShellArgs),
    /// Run the service: API, status page and workers, until a signal
    Serve(cmd::serve::ServeArgs),
    /// Work for an installation on PostgreSQL, beside any number of others, until a signal
    Worker(cmd::worker::WorkerArgs),
    /// The document of the API (OpenAPI 3.1)
    Openapi,
    /// Show a whole migration on this machine
    Demo(cmd::demo::DemoArgs),
    /// The version
    Version,
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The form of the output
    #[arg(short, long, global = true, value_enum, default_value_t = Form::Table, help_heading = "Global options")]
    pub output: Form,
    /// Only these columns, separated by commas
    #[arg(long, global = true, value_delimiter = ',', help_heading = "Global options")]
    pub columns: Vec<String>,
    /// Only rows of a list with these values, separated by commas: status=Failed,batch!=w1
    #[arg(
        long,
        global = true,
        value_name = "COLUMN=VALUE",
        value_delimiter = ',',
        help_heading = "Global options"
    )]
    pub filter: Vec<String>,
    /// The order of a list: a column; -COLUMN or COLUMN:desc: backwards
    #[arg(
        long,
        global = true,
        value_name = "COLUMN",
        allow_hyphen_values = true,
        help_heading = "Global options"
    )]
    pub sort: Option<String>,
    /// At most so many rows of a list, or all
    #[arg(
        long,
        visible_alias = "result-size",
        global = true,
        value_name = "N",
        help_heading = "Global options"
    )]
    pub limit: Option<out::Limit>,
    /// Say only what was asked for
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Say more on standard error; twice: much more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// The form of what is said on standard error
    #[arg(long, global = true, value_enum, default_value_t = LogForm::Text, help_heading = "Global options")]
    pub log_format: LogForm,
    /// How progress is shown
    #[arg(long, global = true, value_enum, default_value_t = ProgressForm::Auto, help_heading = "Global options")]
    pub progress: ProgressForm,
    /// No colours (also: NO_COLOR)
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
    /// Do not ask
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub yes: bool,
    /// Ask before anything is changed
    #[arg(long, global = true, conflicts_with = "yes", help_heading = "Global options")]
    pub confirm: bool,
    /// The zone of times that name none, and of times in tables: Europe/Berlin (UTC otherwise)
    #[arg(long, global = true, value_name = "ZONE", value_parser = schedule::zoned, help_heading = "Global options")]
    pub tz: Option<String>,
    /// The language of what is printed: en; of messages to people also de and ur
    #[arg(long, global = true, value_enum, default_value_t = Language::En, hide_possible_values = true, help_heading = "Global options")]
    pub lang: Language,
    /// The service to ask instead of this machine's data folder: https://HOST:PORT
    #[arg(
        long,
        global = true,
        env = "MAILFERRY_SERVER",
        value_name = "URL",
        help_heading = "Global options"
    )]
    pub server: Option<String>,
    /// The context to ask, as `login` remembered it; local: this machine's data folder
    #[arg(
        long,
        global = true,
        env = "MAILFERRY_CONTEXT",
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub context: Option<String>,
    /// A token for the service, in a file (also: MAILFERRY_TOKEN)
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub service_token_file: Option<PathBuf>,
    /// Certificate authorities that the service's certificate may come from (PEM)
    #[arg(
        long,
        global = true,
        env = "MAILFERRY_SERVICE_CA_FILE",
        value_name = "FILE",
        help_heading = "Global options"
    )]
    pub service_ca_file: Option<PathBuf>,
    /// Where mailferry keeps what it remembers [default: mailferry in $XDG_STATE_HOME, else ~/.local/state/mailferry]
    #[arg(
        long,
        global = true,
        env = "MAILFERRY_DATA_DIR",
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub data_dir: Option<PathBuf>,
    /// Keep what is remembered in the PostgreSQL database whose URL stands in this file (also: MAILFERRY_DATABASE_URL);
    /// the data folder then has the master key, certificates and what is under way
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub database_url_file: Option<PathBuf>,
    /// What holds on this machine where nobody says otherwise.
    #[arg(skip)]
    pub defaults: Defaults,
}

/// The languages that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    En,
    /// German
    De,
    /// Urdu
    Ur,
}

impl Language {
    /// As the API has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Ur => "ur",
        }
    }
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// For people with wide screens
    Wide,
    /// One document
    Json,
    /// A document a line, also while it runs
    Jsonl,
    /// One document
    Yaml,
    /// For spreadsheets
    Csv,
    /// Names alone
    Name,
}

/// The form of what is said on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// Lines
    Text,
    /// A JSON document a line
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressForm {
    /// A block on a terminal, else nothing
    Auto,
    /// A block
    Bar,
    /// A line a minute
    Plain,
    /// A JSON document a second, on standard error
    Json,
    /// Nothing
    None,
}

/// The flags of one side of a copy, without `source-` or `target-`: name, value, help.
pub const SIDE_FLAGS: [(&str, &str, &str); 7] = [
    ("password-file", "FILE", "Its password, in a file; one line end at its end is dropped"),
    ("password-command", "CMD", "A command of the shell that prints its password"),
    ("token-file", "FILE", "A bearer token instead of a password, in a file"),
    ("admin", "USER", "An administrator who signs in for the mailbox; the password is then his"),
    ("admin-style", "STYLE", "How the administrator names the mailbox: dovecot, authzid, …"),
    ("ca-file", "FILE", "Certificate authorities to trust (PEM)"),
    ("fingerprint", "SHA256", "The one certificate to trust"),
];

/// The command with the flags that the manifests ask for.
pub fn command(manifests: &[&'static Manifest]) -> Command {
    let sides = |mut command: Command| {
        for (side, heading) in [("source", "Source options"), ("target", "Target options")] {
            for (name, value, help) in SIDE_FLAGS {
                let name = format!("{side}-{name}");
                command = command.arg(
                    Arg::new(name.clone()).long(name).value_name(value).help(help).help_heading(heading),
                );
            }
        }
        command
    };
    let settings = |command: Command| with_settings(command, manifests);
    Cli::command().mut_subcommand("copy", sides).mut_subcommand("verify", sides).mut_subcommand(
        "endpoint",
        |endpoint| {
            ["new", "set", "test"].into_iter().fold(endpoint, |c, verb| c.mut_subcommand(verb, settings))
        },
    )
}

/// A flag for each setting of each kind of system; secrets come from files.
fn with_settings(mut command: Command, manifests: &[&'static Manifest]) -> Command {
    let mut seen = Vec::new();
    // What is sent by value is read from the file that another flag names.
    let flags = |spec: &&SettingSpec| spec.takes != Takes::Certificates;
    for spec in manifests.iter().flat_map(|m| m.settings).filter(flags) {
        let name =
            if spec.takes == Takes::Secret { format!("{}-file", spec.name) } else { spec.name.to_owned() };
        if seen.contains(&name) {
            continue;
        }
        seen.push(name.clone());
        let (value, help) = told(&variants(manifests, spec.name));
        let arg = Arg::new(id(&name)).long(name).help(help).help_heading("Settings of the kind");
        command = command.arg(match spec.takes {
            Takes::Switch => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("yes")
                .value_name("yes")
                .hide_possible_values(true),
            _ => arg.value_name(value),
        });
    }
    command
}

/// A setting as each kind takes it; kinds that take it alike stand together.
fn variants(manifests: &[&'static Manifest], name: &str) -> Vec<(Vec<&'static str>, &'static SettingSpec)> {
    let mut all: Vec<(Vec<&str>, &SettingSpec)> = Vec::new();
    for (manifest, spec) in manifests.iter().filter_map(|m| Some((m, m.setting(name)?))) {
        let alike = |s: &SettingSpec| (s.help, s.default, s.takes) == (spec.help, spec.default, spec.takes);
        match all.iter_mut().find(|(_, other)| alike(other)) {
            Some((kinds, _)) => kinds.push(manifest.kind),
            None => all.push((vec![manifest.kind], spec)),
        }
    }
    all
}

/// What a flag is shown to take, and its help; what kinds take differently is said for each.
fn told(variants: &[(Vec<&'static str>, &'static SettingSpec)]) -> (String, String) {
    let default = |spec: &SettingSpec| spec.default.map(|d| format!("; default: {d}")).unwrap_or_default();
    let Some((kinds, first)) = variants.first() else { return Default::default() };
    if variants.len() == 1 {
        let help = format!("{} [{}{}]", first.help, kinds.join(", "), default(first));
        return (value_name(first.takes), help);
    }
    let same = variants.iter().all(|(_, spec)| value_name(spec.takes) == value_name(first.takes));
    let value = if same { value_name(first.takes) } else { "VALUE".to_owned() };
    let mut helps: Vec<String> = Vec::new();
    for (kinds, spec) in variants {
        let words = match spec.takes {
            Takes::OneOf(words) if !same => format!("; one of {}", words.join("|")),
            _ => String::new(),
        };
        let said = helps.iter().any(|help| help.starts_with(spec.help));
        let text = if said { "" } else { spec.help };
        helps.push(format!("{text} [{}{words}{}]", kinds.join(", "), default(spec)).trim().to_owned());
    }
    (value, helps.join(" "))
}

fn value_name(takes: Takes) -> String {
    match takes {
        Takes::Secret | Takes::Path => "PATH".to_owned(),
        Takes::OneOf(words) => words.join("|"),
        Takes::Host => "HOST".to_owned(),
        Takes::Port => "PORT".to_owned(),
        Takes::Url | Takes::Proxy => "URL".to_owned(),
        Takes::Number => "N".to_owned(),
        Takes::Text | Takes::Certificates => "TEXT".to_owned(),
        Takes::Switch => String::new(),
    }
}

fn id(name: &str) -> String {
    format!("setting:{name}")
}

/// The plain values given for a kind's settings, and a sentence for each flag that this kind does not take.
pub fn given_settings(matches: &ArgMatches, manifest: &Manifest) -> (Settings, Vec<String>) {
    let mut settings = Settings::default();
    let mut faults = Vec::new();
    for given in matches.ids().filter(|i| i.as_str().starts_with("setting:")) {
        let name = given.as_str().trim_start_matches("setting:");
        let Some(value) = matches.get_one::<String>(given.as_str()) else { continue };
        let secret = name.strip_suffix("-file").and_then(|n| manifest.setting(n));
        match manifest.setting(name) {
            Some(spec) if spec.takes == Takes::Path => {
                settings = settings.with(name, absolute(value));
            }
            Some(_) => settings = settings.with(name, value),
            None if secret.is_some_and(|s| s.takes == Takes::Secret) => {}
            None => faults.push(format!("{} takes no --{name}", manifest.kind)),
        }
    }
    (settings, faults)
}

/// The files given for a kind's secrets: name of the secret and path.
pub fn given_secret_files(matches: &ArgMatches, manifest: &Manifest) -> Vec<(&'static str, PathBuf)> {
    let secrets = manifest.settings.iter().filter(|s| s.takes == Takes::Secret);
    secrets
        .filter_map(|s| {
            let flag = id(&format!("{}-file", s.name));
            let path = matches.try_get_one::<String>(&flag).ok().flatten()?;
            Some((s.name, PathBuf::from(path)))
        })
        .collect()
}

/// A path as it is from anywhere.
pub fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |p| p.to_string_lossy().into_owned())
}

/// The matches of a verb below a noun.
pub fn below<'a>(matches: &'a ArgMatches, noun: &str, verb: &str) -> Option<&'a ArgMatches> {
    matches.subcommand_matches(noun)?.subcommand_matches(verb)
}
