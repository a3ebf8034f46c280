//! The tarball itself: equal files make equal bytes.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use super::Files;

/// Writes the tarball and its checksum beside it; where it lies.
pub fn write(folder: &Path, name: &str, mut files: Files, at: u64) -> Result<PathBuf> {
    let sums: String = files.iter().map(|(path, (bytes, _))| format!("{}  {path}\n", sum(bytes))).collect();
    files.insert("SHA256SUMS".to_owned(), (sums.into_bytes(), 0o644));
    let packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(packed);
    for (path, (bytes, mode)) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(at);
        tar.append_data(&mut header, format!("{name}/{path}"), &bytes[..])?;
    }
    let bytes = tar.into_inner()?.finish()?;
    fs::create_dir_all(folder)?;
    let tarball = folder.join(format!("{name}.tar.gz"));
    fs::write(&tarball, &bytes)?;
    let mut told = fs::File::create(folder.join(format!("{name}.tar.gz.sha256")))?;
    writeln!(told, "{}  {name}.tar.gz", sum(&bytes))?;
    Ok(tarball)
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_files_make_equal_tarballs() {
        let folder = tempfile::tempdir().unwrap();
        let files = || Files::from([("bin/x".to_owned(), (b"x".to_vec(), 0o755))]);
        let one = fs::read(write(folder.path(), "a", files(), 5).unwrap()).unwrap();
        assert_eq!(fs::read(write(folder.path(), "a", files(), 5).unwrap()).unwrap(), one);
        let told = fs::read_to_string(folder.path().join("a.tar.gz.sha256")).unwrap();
        assert_eq!(told, format!("{}  a.tar.gz\n", sum(&one)));
    }
}
