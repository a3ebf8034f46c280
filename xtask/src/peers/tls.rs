//! An own CA and a server certificate, made with the `openssl` program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::run::quiet;

/// What is wrong with the certificate, if anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Nothing.
    #[default]
    Good,
    /// It ended yesterday.
    Expired,
    /// It is another host's.
    WrongName,
    /// No CA signed it.
    SelfSigned,
}

/// Where the files are.
#[derive(Debug)]
pub struct Files {
    /// The CA's certificate, to be trusted by clients.
    pub ca: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

/// Makes CA and certificate in a folder.
pub fn make(folder: &Path, kind: Kind) -> Result<Files> {
    std::fs::create_dir_all(folder)?;
    let at = |name: &str| folder.join(name);
    let files = Files { ca: at("ca.pem"), certificate: at("server.pem"), key: at("server.key") };
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let names = if kind == Kind::WrongName { "DNS:elsewhere.example" } else { "DNS:localhost,IP:127.0.0.1" };
    std::fs::write(at("extensions"), format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\n"))?;
    let mut authority = openssl(&["req", "-x509", "-days", "90", "-subj", "/CN=mailferry test CA"]);
    quiet(authority.args(new_key).arg("-keyout").arg(at("ca.key")).arg("-out").arg(&files.ca))?;
    let mut request = openssl(&["req", "-subj", "/CN=localhost"]);
    quiet(request.args(new_key).arg("-keyout").arg(&files.key).arg("-out").arg(at("request")))?;
    let mut sign = openssl(&["x509", "-req", "-in"]);
    sign.arg(at("request"));
    if kind == Kind::SelfSigned {
        sign.arg("-signkey").arg(&files.key);
    } else {
        sign.arg("-CA").arg(&files.ca).arg("-CAkey").arg(at("ca.key")).arg("-CAcreateserial");
    }
    let days = if kind == Kind::Expired { "-1" } else { "90" };
    quiet(
        sign.arg("-extfile").arg(at("extensions")).args(["-days", days]).arg("-out").arg(&files.certificate),
    )?;
    Ok(files)
}

fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments);
    command
}
