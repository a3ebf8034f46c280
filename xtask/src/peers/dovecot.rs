//! A throw-away Dovecot: users, a master user, TLS with an own CA, and its variants as options.
//!
//! Started by root, the mail belongs to the user `mail` (Dovecot refuses mail of root); it works
//! unprivileged too. What `--without` takes away is only no longer announced: Dovecot still obeys.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::{Account, Mail, Peer, make_folder, process, tls};

/// How mail lies on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One file a message.
    #[default]
    Maildir,
    /// Dovecot's own, one file a message.
    Sdbox,
    /// Dovecot's own, many messages a file.
    Mdbox,
}

/// The variants.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many users
    #[arg(long, default_value_t = 3)]
    pub users: usize,
    /// How mail lies on disk
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Prefix `INBOX.` and separator `.`
    #[arg(long)]
    pub dot: bool,
    /// Capabilities that it shall not announce
    #[arg(long, value_delimiter = ',')]
    pub without: Vec<String>,
    /// The storage quota of each user, such as 10M
    #[arg(long)]
    pub quota: Option<String>,
    /// Refuse larger messages, such as 300k
    #[arg(long)]
    pub max_message: Option<String>,
    /// How many connections a user may have
    #[arg(long, default_value_t = 20)]
    pub user_connections: u32,
    /// What is wrong with its certificate
    #[arg(long, value_enum, default_value_t)]
    pub cert: tls::Kind,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            users: 3,
            format: Format::default(),
            dot: false,
            without: Vec::new(),
            quota: None,
            max_message: None,
            user_connections: 20,
            cert: tls::Kind::default(),
        }
    }
}

/// Who runs it and who owns the mail.
struct Owner {
    uid: u32,
    gid: u32,
    unprivileged: Option<(String, String)>,
}

struct Setup<'a> {
    dir: &'a Path,
    store: &'a Path,
    port: u16,
    options: &'a Options,
    owner: &'a Owner,
    files: &'a tls::Files,
}

/// Starts one: plain text and STARTTLS on the port, TLS on the next.
pub fn up(dir: &Path, port: u16, options: &Options) -> Result<Peer> {
    let dir = make_folder(dir)?;
    if let Ok(old) = Peer::of(&dir) {
        old.down()?;
    }
    process::ensure_free(&[port, port + 1])?;
    let owner = owner()?;
    let (store, config, log) = (dir.join("mail"), dir.join("dovecot.conf"), dir.join("log"));
    std::fs::create_dir_all(&store)?;
    std::fs::create_dir_all(dir.join("run"))?;
    if process::is_root() {
        process::give(&store, owner.uid, owner.gid)?;
    }
    let files = tls::make(&dir.join("tls"), options.cert)?;
    let accounts = Account::several(options.users);
    write_users(&dir, &accounts)?;
    let setup = Setup { dir: &dir, store: &store, port, options, owner: &owner, files: &files };
    start(&setup, &config, "")?;
    if !options.without.is_empty() {
        let first = accounts.first().context("--without needs a user")?;
        let left = capabilities_less(port, first, &options.without)?;
        process::stop(process::wait_for_pid(&dir.join("run/master.pid"))?, &config)?;
        start(&setup, &config, &left)?;
    }
    let version = crate::run::text(Command::new("dovecot").arg("--version"))?;
    let peer = Peer {
        server: "dovecot".to_owned(),
        version: version.split_whitespace().next().unwrap_or_default().to_owned(),
        pid: process::wait_for_pid(&dir.join("run/master.pid"))?,
        log,
        config,
        url: None,
        mail: Some(Mail {
            host: "127.0.0.1".to_owned(),
            imap: port,
            imaps: port + 1,
            ca: files.ca,
            store,
            owner: format!("{}:{}", owner.uid, owner.gid),
            admin: Account::named("master"),
            accounts,
            users_csv: dir.join("users.csv"),
        }),
        dir,
    };
    peer.publish()?;
    Ok(peer)
}

fn owner() -> Result<Owner> {
    if process::is_root() {
        let (uid, gid) = process::ids_of("mail")?;
        return Ok(Owner { uid, gid, unprivileged: None });
    }
    let names = process::own_names()?;
    let (uid, gid) = process::ids_of(&names.0)?;
    Ok(Owner { uid, gid, unprivileged: Some(names) })
}

fn write_users(dir: &Path, accounts: &[Account]) -> Result<()> {
    let line = |account: &Account| format!("{}:{{PLAIN}}{}\n", account.user, account.password);
    std::fs::write(dir.join("users"), accounts.iter().map(line).collect::<String>())?;
    std::fs::write(dir.join("masters"), line(&Account::named("master")))?;
    Ok(())
}

fn start(setup: &Setup<'_>, config: &PathBuf, announced: &str) -> Result<()> {
    std::fs::write(config, configuration(setup, announced))?;
    let log = setup.dir.join("log");
    crate::run::quiet(Command::new("dovecot").arg("-c").arg(config)).with_context(|| process::tail(&log))?;
    process::wait_for_greeting(setup.port, &log)
}

fn configuration(setup: &Setup<'_>, announced: &str) -> String {
    let Setup { dir, store, port, options, owner, files } = setup;
    let (dir, store, tls_port) = (dir.display(), store.display(), port + 1);
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let (separator, prefix) = if options.dot { (".", "INBOX.") } else { ("/", "") };
    let (format, folder) = match options.format {
        Format::Maildir => ("maildir", "Maildir"),
        Format::Sdbox => ("sdbox", "Sdbox"),
        Format::Mdbox => ("mdbox", "Mdbox"),
    };
    let Owner { uid, gid, unprivileged } = owner;
    let users = unprivileged.as_ref().map_or(String::new(), |(user, group)| {
        format!(
            "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
             service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n"
        )
    });
    let mailboxes: String = ["Drafts", "Sent", "Trash", "Junk"]
        .map(|name| format!("  mailbox {name} {{\n    special_use = \\{name}\n  }}\n"))
        .concat();
    let connections = options.user_connections;
    format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/run\nlog_path = {dir}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
         ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}\ndisable_plaintext_auth = no\n\
         auth_mechanisms = plain login\nauth_failure_delay = 0\nauth_master_user_separator = *\n\
         first_valid_uid = {uid}\nfirst_valid_gid = {gid}\nmail_location = {format}:~/{folder}\n\
         mail_max_userip_connections = {connections}\nimap_capability = {announced}\n{users}\
         passdb {{\n  driver = passwd-file\n  master = yes\n  args = {dir}/masters\n}}\n\
         passdb {{\n  driver = passwd-file\n  args = {dir}/users\n}}\n\
         userdb {{\n  driver = static\n  args = uid={uid} gid={gid} home={store}/%u\n}}\n\
         namespace inbox {{\n  inbox = yes\n  separator = {separator}\n  prefix = {prefix}\n{mailboxes}}}\n\
         service imap-login {{\n  service_count = 0\n  inet_listener imap {{\n    port = {port}\n  }}\n  \
         inet_listener imaps {{\n    port = {tls_port}\n    ssl = yes\n  }}\n}}\n{}",
        quotas(options)
    )
}

fn quotas(options: &Options) -> String {
    if options.quota.is_none() && options.max_message.is_none() {
        return String::new();
    }
    let storage =
        options.quota.as_ref().map_or(String::new(), |size| format!("  quota_rule = *:storage={size}\n"));
    let largest = options
        .max_message
        .as_ref()
        .map_or(String::new(), |size| format!("  quota_max_mail_size = {size}\n"));
    format!(
        "mail_plugins = quota\nprotocol imap {{\n  mail_plugins = quota imap_quota\n}}\n\
         plugin {{\n  quota = count:User quota\n  quota_vsizes = yes\n{storage}{largest}}}\n"
    )
}

/// What the server announces after sign-in, less what it shall not.
fn capabilities_less(port: u16, account: &Account, without: &[String]) -> Result<String> {
    let mut stream = TcpStream::connect(process::local(port))?;
    write!(stream, "a LOGIN {} {}\r\nb CAPABILITY\r\nc LOGOUT\r\n", account.user, account.password)?;
    let mut announced = BTreeSet::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(words) = line.strip_prefix("* CAPABILITY ") {
            announced = words.split_whitespace().map(str::to_owned).collect();
        }
    }
    for name in without {
        let before = announced.len();
        announced.retain(|one| !one.eq_ignore_ascii_case(name));
        if announced.len() == before {
            eprintln!("dovecot: had not: {name}");
        }
    }
    if !announced.remove("IMAP4rev1") {
        bail!("the server announced nothing");
    }
    Ok(std::iter::once("IMAP4rev1".to_owned()).chain(announced).collect::<Vec<_>>().join(" "))
}
