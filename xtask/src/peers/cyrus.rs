//! A throw-away Cyrus IMAP, the strict second opinion beside Dovecot. Needs root.
//!
//! Its programs run as user `cyrus`, from copies in the peer's own folder. `cyrus` with `pw-cyrus`
//! signs in for others by PLAIN with an authzid. The first sign-in of a user creates the mailbox.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::{Account, Mail, Peer, install, make_folder, process, tls};

/// The variants.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How many users
    #[arg(long, default_value_t = 3)]
    pub users: usize,
    /// Prefix `INBOX.` and separator `.`
    #[arg(long)]
    pub dot: bool,
    /// Capabilities that it shall not announce
    #[arg(long, value_delimiter = ',')]
    pub without: Vec<String>,
    /// The storage quota of each user in KiB
    #[arg(long)]
    pub quota: Option<u32>,
    /// Refuse messages larger than so many KiB
    #[arg(long)]
    pub max_message: Option<u32>,
    /// No password before TLS: LOGINDISABLED
    #[arg(long)]
    pub tls_only: bool,
}

/// Starts one: plain text and STARTTLS on the port, TLS on the next.
pub fn up(dir: &Path, port: u16, options: &Options) -> Result<Peer> {
    ensure!(process::is_root(), "Cyrus needs root");
    let unpacked = install::cyrus_imapd().context("Cyrus is not installed: `cargo xtask peer install`")?;
    let dir = make_folder(dir)?;
    if let Ok(old) = Peer::of(&dir) {
        old.down()?;
    }
    process::ensure_free(&[port, port + 1])?;
    let (uid, gid) = process::ids_of("cyrus")?;
    for folder in ["bin", "conf/socket", "conf/proc", "conf/db", "conf/lock", "mail"] {
        std::fs::create_dir_all(dir.join(folder))?;
    }
    for source in [Path::new("/usr/lib/cyrus/bin"), &unpacked] {
        for entry in source.read_dir()? {
            let entry = entry?;
            std::fs::copy(entry.path(), dir.join("bin").join(entry.file_name()))?;
        }
    }
    let files = tls::make(&dir.join("tls"), tls::Kind::Good)?;
    let accounts = Account::several(options.users);
    let admin = Account::named("cyrus");
    write_configuration(&dir, port, options, &files)?;
    for account in accounts.iter().chain([&admin]) {
        set_password(&dir, account)?;
    }
    process::give(&dir, uid, gid)?;
    start(&dir, port)?;
    if !options.tls_only {
        accounts.iter().try_for_each(|account| first_sign_in(port, account))?;
    }
    let config = dir.join("cyrus.conf");
    let peer = Peer {
        server: "cyrus".to_owned(),
        version: crate::run::text(Command::new("dpkg-query").args([
            "-W",
            "-f",
            "${Version}",
            "cyrus-common",
        ]))?,
        pid: process::wait_for_pid(&dir.join("master.pid"))?,
        log: dir.join("log"),
        config,
        url: None,
        mail: Some(Mail {
            host: "127.0.0.1".to_owned(),
            imap: port,
            imaps: port + 1,
            ca: files.ca,
            store: dir.join("mail"),
            owner: format!("{uid}:{gid}"),
            admin,
            accounts,
            users_csv: dir.join("users.csv"),
        }),
        dir,
    };
    peer.publish()?;
    Ok(peer)
}

fn write_configuration(dir: &Path, port: u16, options: &Options, files: &tls::Files) -> Result<()> {
    let dir_text = dir.display();
    let yes = |value: bool| if value { "yes" } else { "no" };
    let quota = options.quota.unwrap_or(0);
    let largest = options.max_message.unwrap_or(0);
    let mut text = format!(
        "configdirectory: {dir_text}/conf\npartition-default: {dir_text}/mail\ndefaultpartition: default\n\
         admins: cyrus\nproxyservers: cyrus\nservername: localhost\ndefaultdomain: localhost\nvirtdomains: no\n\
         sasl_mech_list: PLAIN LOGIN\nsasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\n\
         sasl_sasldb_path: {dir_text}/sasldb2\nallowplaintext: {}\nunixhierarchysep: {}\naltnamespace: {}\n\
         tls_server_cert: {}\ntls_server_key: {}\ntls_client_ca_file: {}\n\
         autocreate_users: anyone\nautocreate_post: no\nautocreate_quota: {quota}\nmaxmessagesize: {largest}\n\
         autocreate_inbox_folders: Drafts|Sent|Trash|Junk\nspecialusealways: yes\nconversations: no\n\
         duplicatesuppression: no\npopminpoll: 0\nimap_inprogress_interval: 0\n",
        yes(!options.tls_only),
        yes(!options.dot),
        yes(!options.dot),
        files.certificate.display(),
        files.key.display(),
        files.ca.display(),
    );
    for name in ["Drafts", "Sent", "Trash", "Junk"] {
        let _ = writeln!(text, "xlist-{}: {name}", name.to_lowercase());
    }
    if !options.without.is_empty() {
        let _ = writeln!(text, "suppress_capabilities: {}", options.without.join(" ").to_uppercase());
    }
    std::fs::write(dir.join("imapd.conf"), text)?;
    let config = dir.join("imapd.conf");
    let service = |name: &str, port: u16, more: &str| {
        format!(
            "  {name} cmd=\"{dir_text}/bin/imapd -C {}{more}\" listen=\"127.0.0.1:{port}\" prefork=0 maxchild=50\n",
            config.display()
        )
    };
    let services = service("imap", port, "") + &service("imaps", port + 1, " -s");
    let recover = format!("  recover cmd=\"{dir_text}/bin/ctl_cyrusdb -C {} -r\"\n", config.display());
    std::fs::write(
        dir.join("cyrus.conf"),
        format!("START {{\n{recover}}}\nSERVICES {{\n{services}}}\nEVENTS {{\n}}\n"),
    )?;
    Ok(())
}

fn set_password(dir: &Path, account: &Account) -> Result<()> {
    let mut child = Command::new("saslpasswd2")
        .args(["-p", "-c", "-u", "localhost", "-f"])
        .arg(dir.join("sasldb2"))
        .arg(&account.user)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("saslpasswd2")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(account.password.as_bytes())?;
    }
    ensure!(child.wait()?.success(), "saslpasswd2 failed for {}", account.user);
    Ok(())
}

/// `master -d` goes to the background by itself; what it says goes to the log.
fn start(dir: &Path, port: u16) -> Result<()> {
    let (program, log) = (dir.join("bin/master"), dir.join("log"));
    let mut command = Command::new("runuser");
    command.args(["-u", "cyrus", "--"]).arg(program).arg("-d");
    command.arg("-C").arg(dir.join("imapd.conf")).arg("-M").arg(dir.join("cyrus.conf"));
    command.arg("-p").arg(dir.join("master.pid")).arg("-L").arg(&log);
    command.current_dir(dir).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("CYRUS_VERBOSE", "1");
    crate::run::quiet(&mut command).with_context(|| process::tail(&log))?;
    process::wait_for_greeting(port, &log)
}

fn first_sign_in(port: u16, account: &Account) -> Result<()> {
    let mut stream = TcpStream::connect(process::local(port))?;
    write!(stream, "a LOGIN {} {}\r\nb LOGOUT\r\n", account.user, account.password)?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.starts_with("a OK") {
            return Ok(());
        }
        if line.starts_with("a ") {
            bail!("{}: {line}", account.user);
        }
    }
    bail!("{}: the server closed the connection", account.user)
}
