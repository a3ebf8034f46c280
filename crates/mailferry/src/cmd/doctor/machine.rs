//! What the machine gives us: time, authorities, a resolver, a port, open files, credentials.

use std::{net::TcpListener, path::Path, time::SystemTime};

use mailferry_store::DATABASE;
use rustix::process::{Resource, getrlimit};

use super::{Outcome, Row};

/// Seconds by which a file may be newer than now: file systems round.
const SLACK_S: u64 = 60;
/// Open files that many mailboxes at once need.
const MANY_FILES: u64 = 1024;
/// Fewer are not enough for a few.
const FEW_FILES: u64 = 256;

/// The clock: it must not run behind what it wrote itself.
pub fn clock(folder: &Path) -> Row {
    let (now, check) = (SystemTime::now(), "clock");
    let written = folder.join(DATABASE).metadata().and_then(|m| m.modified()).ok();
    let ahead = written.and_then(|at| at.duration_since(now).ok()).map_or(0, |d| d.as_secs());
    let time = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    if ahead > SLACK_S {
        let found = format!("{time}; the store was written {ahead} s later than that");
        return Row::bad(Outcome::Fail, check, "DOCTOR_CLOCK_BEHIND", found);
    }
    if jiff::Timestamp::now().strftime("%Y").to_string().as_str() < "2026" {
        return Row::bad(Outcome::Fail, check, "DOCTOR_CLOCK_BEHIND", time);
    }
    match Path::new("/run/systemd/timesync").exists() {
        true if !Path::new("/run/systemd/timesync/synchronized").exists() => {
            Row::bad(Outcome::Warn, check, "DOCTOR_CLOCK_FREE", format!("{time}; not synchronised yet"))
        }
        true => Row::ok(check, format!("{time}; synchronised")),
        false => Row::ok(check, time),
    }
}

/// The authorities that the machine trusts.
pub fn authorities() -> Row {
    let found = rustls_native_certs::load_native_certs();
    let (n, check) = (found.certs.len(), "certificates");
    match n {
        0 => {
            let found = match (named_authorities(), found.errors.first()) {
                (Some(named), Some(error)) => format!("none; {named}: {error}"),
                (_, Some(error)) => format!("none: {error}"),
                _ => "no certificate authorities".to_owned(),
            };
            Row::bad(Outcome::Fail, check, "DOCTOR_NO_AUTHORITIES", found)
        }
        _ if !found.errors.is_empty() => {
            let words = format!("{n} certificate authorities; some cannot be read: {}", found.errors[0]);
            Row::bad(Outcome::Warn, check, "DOCTOR_AUTHORITIES_UNREAD", words)
        }
        _ => Row::ok(check, format!("{n} certificate authorities")),
    }
}

/// What stands before the system's own authorities.
fn named_authorities() -> Option<String> {
    let told = |name: &str| Some(format!("{name} is {}", Path::new(&std::env::var_os(name)?).display()));
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find_map(told)
}

/// Who is asked for names.
pub fn resolver() -> Row {
    let check = "resolver";
    let Ok(text) = std::fs::read_to_string("/etc/resolv.conf") else {
        return Row::bad(Outcome::Fail, check, "DOCTOR_NO_RESOLVER", "/etc/resolv.conf cannot be read");
    };
    let servers: Vec<&str> =
        text.lines().filter_map(|l| l.trim().strip_prefix("nameserver")).map(str::trim).collect();
    match servers.is_empty() {
        true => Row::bad(Outcome::Fail, check, "DOCTOR_NO_RESOLVER", "no name server is configured"),
        false => Row::ok(check, servers.join(", ")),
    }
}

/// Whether the service could listen.
pub fn port(port: u16) -> Row {
    let check = "port";
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Row::ok(check, format!("{port} is free")),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            let facts = [("port", port.to_string())];
            Row::with(
                Outcome::Warn,
                check,
                "DOCTOR_PORT_TAKEN",
                format!("somebody listens on {port}"),
                &facts,
            )
        }
        Err(e) => Row::with(
            Outcome::Fail,
            check,
            "DOCTOR_PORT_REFUSED",
            format!("{port}: {e}"),
            &[("port", port.to_string())],
        ),
    }
}

/// How many files and connections may be open.
pub fn files() -> Row {
    let check = "open files";
    let limit = getrlimit(Resource::Nofile);
    match limit.current {
        None => Row::ok(check, "no limit"),
        Some(n) if n >= MANY_FILES => Row::ok(check, format!("at most {n}")),
        Some(n) => {
            let outcome = if n < FEW_FILES { Outcome::Fail } else { Outcome::Warn };
            Row::bad(outcome, check, "DOCTOR_FEW_FILES", format!("at most {n}"))
        }
    }
}

/// What systemd handed over.
pub fn credentials() -> Row {
    let check = "credentials";
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Row::ok(check, "none: not started by systemd");
    };
    match std::fs::read_dir(&folder) {
        Ok(files) => {
            let n = files.filter_map(Result::ok).count();
            Row::ok(check, format!("{n} from systemd"))
        }
        Err(e) => {
            let found = format!("{}: {e}", Path::new(&folder).display());
            Row::bad(Outcome::Fail, check, "DOCTOR_CREDENTIALS_UNREAD", found)
        }
    }
}
