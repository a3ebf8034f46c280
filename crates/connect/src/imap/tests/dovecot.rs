//! A throw-away Dovecot on loopback, in a directory that goes with it. Started as root or as anybody.

use std::{
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running server with the users `a`, `b`, `c`, `suite0` … (password `pw`) and the master user `boss`.
pub struct Dovecot {
    child: Child,
    dir: tempfile::TempDir,
    pub port: u16,
    pub tls_port: u16,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The first word of the line of `/etc/passwd` with this uid, and its gid.
fn account(uid: u32) -> (String, u32) {
    let text = std::fs::read_to_string("/etc/passwd").unwrap();
    let fields = text.lines().map(|l| l.split(':').collect::<Vec<_>>());
    let mut found = fields.filter(|f| f.get(2).and_then(|u| u.parse().ok()) == Some(uid));
    let found = found.next().unwrap();
    (found[0].to_owned(), found[3].parse().unwrap())
}

impl Dovecot {
    /// Starts one; `None`, said loudly, where there is no Dovecot. `extra` goes into its configuration.
    pub fn start(extra: &str) -> Option<Self> {
        let found = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"].iter().find(|p| Path::new(p).exists());
        let Some(program) = found else {
            eprintln!("SKIPPED: no dovecot on this machine (Debian: apt-get install dovecot-imapd)");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("mf").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let me = dir.path().metadata().unwrap().uid();
        let (mail_uid, mail_gid) = if me == 0 { (8, 8) } else { (me, account(me).1) };
        let mail = dir.path().join("mail");
        std::fs::create_dir_all(&mail).unwrap();
        std::os::unix::fs::chown(&mail, Some(mail_uid), Some(mail_gid)).unwrap();
        let (port, tls_port) = (free_port(), free_port());
        write_certificate(dir.path());
        let suite = (0..40).map(|n| format!("suite{n}:{{PLAIN}}pw\n")).collect::<String>();
        std::fs::write(
            dir.path().join("users"),
            format!("a:{{PLAIN}}pw\nb:{{PLAIN}}pw\nc:{{PLAIN}}pw\n{suite}"),
        )
        .unwrap();
        std::fs::write(dir.path().join("masters"), "boss:{PLAIN}pw\n").unwrap();
        let unprivileged = match me {
            0 => String::new(),
            _ => {
                let name = account(me).0;
                format!(
                    "default_internal_user = {name}\ndefault_login_user = {name}\nservice anvil {{\n  chroot =\n}}\n"
                )
            }
        };
        let chroot = if me == 0 { "" } else { "chroot =" };
        let dir_text = dir.path().display();
        let text = format!(
            "base_dir = {dir_text}/run\nstate_dir = {dir_text}/run\nlog_path = {dir_text}/log\nprotocols = imap\n\
             listen = 127.0.0.1\nssl = yes\nssl_cert = <{dir_text}/cert.pem\nssl_key = <{dir_text}/key.pem\n\
             disable_plaintext_auth = no\nauth_mechanisms = plain login\nauth_failure_delay = 0\n\
             auth_master_user_separator = *\nfirst_valid_uid = {mail_uid}\nfirst_valid_gid = {mail_gid}\n\
             mail_location = maildir:~/Maildir\n{unprivileged}\
             passdb {{\n  driver = passwd-file\n  master = yes\n  args = {dir_text}/masters\n}}\n\
             passdb {{\n  driver = passwd-file\n  args = {dir_text}/users\n}}\n\
             userdb {{\n  driver = static\n  args = uid={mail_uid} gid={mail_gid} home={dir_text}/mail/%u\n}}\n\
             namespace inbox {{\n  inbox = yes\n  separator = /\n  mailbox Sent {{\n    special_use = \\Sent\n  }}\n}}\n\
             service imap-login {{\n  {chroot}\n  inet_listener imap {{\n    port = {port}\n  }}\n  inet_listener imaps {{\n    port = {tls_port}\n    ssl = yes\n  }}\n}}\n\
             {extra}\n"
        );
        let conf = dir.path().join("dovecot.conf");
        std::fs::write(&conf, text).unwrap();
        let log = std::fs::File::create(dir.path().join("out")).unwrap();
        let mut command = Command::new(program);
        command.arg("-F").arg("-c").arg(&conf).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let dovecot = Self { child, dir, port, tls_port };
        dovecot.wait();
        Some(dovecot)
    }

    fn wait(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if began.elapsed() > Duration::from_secs(10) {
                let read =
                    |name: &str| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
                panic!("dovecot does not start: {} {}", read("out"), read("log"));
            }
            std::thread::yield_now();
        }
    }

    /// Its certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// The SHA-256 of its certificate.
    pub fn fingerprint(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("fingerprint")).unwrap()
    }
}

fn write_certificate(dir: &Path) {
    use sha2::Digest;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let fingerprint = sha2::Sha256::digest(made.cert.der());
    let fingerprint: String = fingerprint.iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(dir.join("fingerprint"), fingerprint).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        _ = Command::new("kill").arg(self.child.id().to_string()).status();
        _ = self.child.wait();
    }
}
