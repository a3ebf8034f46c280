//! The certificate of the service: given as PEM or PFX, or one of our own, kept in the data folder.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use p12_keystore::{KeyStore, KeyStoreEntry};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use sha2::{Digest, Sha256};

use super::ServeArgs;
use crate::{exit::Failure, secrets};

/// The folder of our own certificate, in the data folder.
const FOLDER: &str = "tls";

/// What a listener needs.
pub struct Tls {
    /// For rustls.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, in capital hexadecimal with colons.
    pub fingerprint: String,
    /// Whether we made it.
    pub is_our_own: bool,
}

type Chain = Vec<CertificateDer<'static>>;
type Key = PrivateKeyDer<'static>;

/// The certificate that the flags name, else our own.
pub fn of(args: &ServeArgs, data: &Path) -> Result<Tls, Failure> {
    let (chain, key, is_our_own) = match (&args.tls_cert, &args.tls_key, &args.tls_pfx) {
        (Some(cert), Some(key), _) => {
            let (chain, key) = from_pem(cert, key)?;
            (chain, key, false)
        }
        (_, _, Some(pfx)) => {
            let (chain, key) = from_pfx(pfx, args.tls_pfx_password_file.as_deref())?;
            (chain, key, false)
        }
        _ => {
            let (chain, key) = our_own(&data.join(FOLDER))?;
            (chain, key, true)
        }
    };
    let fingerprint = chain.first().map(|first| fingerprint(first)).unwrap_or_default();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|e| unusable(&e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { config: Arc::new(config), fingerprint, is_our_own })
}

/// SHA-256 of a certificate as programs show it.
pub fn fingerprint(certificate: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(certificate).iter().map(|b| format!("{b:02X}")).collect();
    bytes.join(":")
}

fn unusable(what: &str) -> Failure {
    Failure::Usage("SERVICE_TLS_FILES", format!("the certificate or its key cannot be used: {what}"))
}

fn from_pem(cert: &Path, key: &Path) -> Result<(Chain, Key), Failure> {
    let read = |path: &Path| std::fs::read(path).map_err(|e| unusable(&format!("{}: {e}", path.display())));
    let chain: Result<Chain, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = chain.map_err(|e| unusable(&format!("{}: {e}", cert.display())))?;
    if chain.is_empty() {
        return Err(unusable(&format!("{}: there is no certificate in it", cert.display())));
    }
    let bytes = zeroize::Zeroizing::new(read(key)?);
    let key =
        PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| unusable(&format!("{}: {e}", key.display())))?;
    Ok((chain, key))
}

fn from_pfx(path: &Path, password: Option<&Path>) -> Result<(Chain, Key), Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|e| unusable(&format!("{shown}: {e}")))?;
    let password = password.map(secrets::from_file).transpose()?;
    let password = password.as_ref().map_or("", |p| p.expose().as_str());
    let store = KeyStore::from_pkcs12(&bytes, password)
        .map_err(|e| unusable(&format!("{shown}: {e}; is the password right?")))?;
    let found = store.entries().find_map(|(_, entry)| match entry {
        KeyStoreEntry::PrivateKeyChain(chain) => Some(chain),
        _ => None,
    });
    let found = found.ok_or_else(|| unusable(&format!("{shown}: there is no key in it")))?;
    let chain = found.chain().iter().map(|c| CertificateDer::from(c.as_der().to_vec())).collect();
    Ok((chain, PrivatePkcs8KeyDer::from(found.key().to_vec()).into()))
}

/// Ours: made at the first start, for this machine's names, and the same at every later one.
fn our_own(folder: &Path) -> Result<(Chain, Key), Failure> {
    let (cert, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if !cert.exists() || !key.exists() {
        // Two that start at once make one: the second finds it.
        let _alone = alone(folder).map_err(|e| broken(format!("{}: {e}", folder.display())))?;
        if !cert.exists() || !key.exists() {
            make(folder, &cert, &key)?;
        }
    }
    from_pem(&cert, &key)
}

fn broken(what: String) -> Failure {
    Failure::own(format!("our own certificate: {what}"))
}

/// The folder, which nobody else fills as long as this is held.
fn alone(folder: &Path) -> std::io::Result<std::fs::File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock)?;
    file.lock()?;
    Ok(file)
}

fn make(folder: &Path, cert: &Path, key: &Path) -> Result<(), Failure> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if !host.is_empty() && !names.contains(&host) {
        names.push(host);
    }
    let mut params = CertificateParams::new(names).map_err(|e| broken(e.to_string()))?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "mailferry");
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2124, 1, 1);
    let pair = KeyPair::generate().map_err(|e| broken(e.to_string()))?;
    let made = params.self_signed(&pair).map_err(|e| broken(e.to_string()))?;
    let private = zeroize::Zeroizing::new(pair.serialize_pem());
    let written = write(key, private.as_bytes()).and_then(|()| write(cert, made.pem().as_bytes()));
    written.map_err(|e| broken(format!("{}: {e}", folder.display())))
}

/// For us alone, and whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft: PathBuf = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bug once: one of two that started at once ended with a bug of ours.
    #[test]
    fn those_that_start_at_once_have_one_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        let all: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| our_own(&tls).map(|(chain, _)| chain))).collect();
            starts.into_iter().map(|s| s.join().unwrap().ok().unwrap()[0].to_vec()).collect()
        });
        assert!(all.iter().all(|one| *one == all[0]));
    }
}
