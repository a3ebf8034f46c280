//! Puts real peers on a Debian machine when it may, and names what is missing when it may not.
//!
//! Services are never started by the installation (`policy-rc.d`). Three Debian packages provide
//! an IMAP server and push each other out: Dovecot is installed; of Cyrus only the one package that
//! would push it out is downloaded and unpacked into a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::process;
use crate::run;

/// A peer and what it needs.
pub struct Needed {
    /// The name in messages.
    pub name: &'static str,
    /// The Debian packages to install.
    pub packages: &'static [&'static str],
    /// The package to download and unpack only.
    pub unpacked: Option<&'static str>,
    /// Whether it is usable now.
    pub is_here: fn() -> bool,
}

/// All peers of the tests.
pub const PEERS: [Needed; 7] = [
    Needed {
        name: "dovecot",
        packages: &["dovecot-imapd", "openssl"],
        unpacked: None,
        is_here: || run::has("dovecot") && Path::new("/usr/lib/dovecot/imap").exists() && run::has("openssl"),
    },
    Needed { name: "mbsync", packages: &["isync"], unpacked: None, is_here: || run::has("mbsync") },
    Needed {
        name: "cyrus",
        packages: &["cyrus-common", "cyrus-admin", "sasl2-bin", "libsasl2-modules"],
        unpacked: Some("cyrus-imapd"),
        is_here: || cyrus_imapd().is_some() && run::has("saslpasswd2"),
    },
    Needed {
        name: "postgres",
        packages: &["postgresql-15"],
        unpacked: None,
        is_here: || super::postgres::programs().is_ok(),
    },
    // A KDC, GSSAPI for Debian's own Python, and a clock that goes wrong.
    Needed {
        name: "kerberos",
        packages: &["krb5-kdc", "krb5-admin-server", "python3-gssapi", "faketime", "openssl"],
        unpacked: None,
        is_here: || {
            let there = |path: &str| Path::new(path).exists();
            there("/usr/sbin/krb5kdc")
                && there("/usr/sbin/kadmin.local")
                && there("/usr/lib/python3/dist-packages/gssapi")
                && run::has("faketime")
                && run::has("openssl")
        },
    },
    // A mail server for notices, of Debian's own Python.
    Needed {
        name: "aiosmtpd",
        packages: &["python3-aiosmtpd", "openssl"],
        unpacked: None,
        is_here: || Path::new("/usr/lib/python3/dist-packages/aiosmtpd").exists() && run::has("openssl"),
    },
    Needed { name: "python3", packages: &["python3"], unpacked: None, is_here: || run::has("python3") },
];

const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where unpacked packages live.
pub fn unpack_root() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("mailferry-peers")
}

/// The folder with Cyrus's `imapd`: installed, or unpacked by us.
pub fn cyrus_imapd() -> Option<PathBuf> {
    let bin = "usr/lib/cyrus/bin";
    let places = [PathBuf::from("/").join(bin), unpack_root().join("cyrus").join(bin)];
    places.into_iter().find(|folder| folder.join("imapd").is_file())
}

/// Installs what is missing; the names of what is missing still, and why.
pub fn ensure_all() -> Result<Vec<String>> {
    let missing: Vec<&Needed> = PEERS.iter().filter(|peer| !(peer.is_here)()).collect();
    if missing.is_empty() {
        println!("all peers are here: {}", PEERS.map(|peer| peer.name).join(", "));
        return Ok(Vec::new());
    }
    if !process::is_root() || !run::has("apt-get") {
        let named = |peer: &&Needed| format!("{} (Debian: {})", peer.name, all_packages(peer).join(" "));
        return Ok(missing.iter().map(named).collect());
    }
    let _policy = Policy::ensure()?;
    let mut left = Vec::new();
    if let Err(error) = apt(&["update"], &[]) {
        println!("{error:#}");
    }
    for peer in missing {
        println!("installing for {}: {}", peer.name, all_packages(peer).join(" "));
        if let Err(error) = install(peer) {
            println!("{error:#}");
        }
        if !(peer.is_here)() {
            left.push(format!("{} (Debian: {})", peer.name, all_packages(peer).join(" ")));
        }
    }
    Ok(left)
}

fn all_packages(peer: &Needed) -> Vec<&'static str> {
    peer.packages.iter().copied().chain(peer.unpacked).collect()
}

fn install(peer: &Needed) -> Result<()> {
    let absent: Vec<&str> = peer.packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if !absent.is_empty() {
        apt(&["install", "--no-install-recommends"], &absent)?;
    }
    match peer.unpacked {
        Some(package) => unpack(package, &unpack_root().join(peer.name)),
        None => Ok(()),
    }
}

fn is_installed(package: &str) -> bool {
    let status = run::text(Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]));
    status.is_ok_and(|text| text.contains("ok installed"))
}

fn apt(verb: &[&str], packages: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["-qq", "-y"]).args(verb).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    run::quiet(&mut command)
}

fn unpack(package: &str, to: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut download = Command::new("apt-get");
    download.args(["-qq", "-o", "APT::Sandbox::User=root", "download", package]).current_dir(folder.path());
    run::quiet(&mut download)?;
    let file = folder.path().read_dir()?.next().context("apt-get download: no file")??.path();
    std::fs::create_dir_all(to)?;
    run::quiet(Command::new("dpkg").arg("-x").arg(file).arg(to))
}

/// As long as it lives, no installation starts a service.
struct Policy {
    is_ours: bool,
}

impl Policy {
    fn ensure() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let is_ours = !Path::new(POLICY).exists();
        if is_ours {
            std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").context(POLICY)?;
            std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { is_ours })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_file(POLICY);
        }
    }
}
