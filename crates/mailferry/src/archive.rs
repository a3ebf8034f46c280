//! The file of a backup: a tar of the store, the reports and perhaps the master key, with checksums at its end.
//!
//! It knows names and bytes. What stands in the store is no business of it.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use mailferry_store::DATABASE;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::instance::KEY;

/// The first entry: what this is.
const LABEL: &str = "mailferry-backup.json";
/// The last entry: checksums of all others. Without it the file was cut short.
const SUMS: &str = "SHA256SUMS";
/// The folder of the reports.
pub const REPORTS: &str = "reports";
/// The form of these files.
const FORMAT: u32 = 1;

/// What stands at the beginning of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The form of the file.
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When.
    pub made: jiff::Timestamp,
    /// The version of the store's schema.
    pub schema: i64,
    /// Whether the master key is in it.
    pub master_key: bool,
}

impl Label {
    /// Of a backup that is made now.
    pub fn of(made: jiff::Timestamp, schema: i64, master_key: bool) -> Self {
        Self { format: FORMAT, program: env!("CARGO_PKG_VERSION").to_owned(), made, schema, master_key }
    }
}

/// A file that appears whole, with mode 0600, or not at all.
pub struct Draft {
    path: PathBuf,
    wanted: PathBuf,
    file: Option<File>,
}

impl Draft {
    /// Beside the file that is wanted.
    pub fn of(wanted: &Path) -> io::Result<Self> {
        let wanted = std::path::absolute(wanted)?;
        let name = wanted.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy().into_owned();
        let path = wanted.with_file_name(format!(".{name}.{}", Uuid::now_v7().simple()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, wanted, file: Some(file) })
    }

    /// The same for a file that everybody may read.
    pub fn keep_open_to_all(self) -> io::Result<u64> {
        use std::os::unix::fs::PermissionsExt;
        if let Some(file) = &self.file {
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        self.keep()
    }

    /// What is written is durable and has its name from here; how many bytes there are.
    pub fn keep(mut self) -> io::Result<u64> {
        let file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&self.path, &self.wanted)?;
        File::open(self.wanted.parent().unwrap_or(Path::new("/")))?.sync_all()?;
        Ok(bytes)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().ok_or(io::ErrorKind::NotFound)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was kept.
        let _ = fs::remove_file(&self.path);
    }
}

/// Something that is read while its checksum is taken.
struct Summed<R> {
    inner: R,
    sum: Sha256,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.sum.update(&buffer[..n]);
        Ok(n)
    }
}

impl<R> Summed<R> {
    fn of(inner: R) -> Self {
        Self { inner, sum: Sha256::new() }
    }

    fn hex(self) -> String {
        self.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes a backup.
pub struct Packing<W: Write> {
    tar: tar::Builder<W>,
    sums: String,
    at: u64,
}

impl<W: Write> Packing<W> {
    /// Begins with the label.
    pub fn begin(into: W, label: &Label) -> io::Result<Self> {
        let at = u64::try_from(label.made.as_second()).unwrap_or_default();
        let mut packing = Self { tar: tar::Builder::new(into), sums: String::new(), at };
        let text = serde_json::to_vec_pretty(label)?;
        packing.add(LABEL, text.len() as u64, &text[..])?;
        Ok(packing)
    }

    /// The store, from a file.
    pub fn add_store(&mut self, file: &Path) -> io::Result<()> {
        let open = File::open(file)?;
        self.add(DATABASE, open.metadata()?.len(), open)
    }

    /// The master key.
    pub fn add_key(&mut self, text: &str) -> io::Result<()> {
        self.add(KEY, text.len() as u64, text.as_bytes())
    }

    /// All reports of a folder, which need not be there; how many there were.
    pub fn add_reports(&mut self, folder: &Path) -> io::Result<u64> {
        let files = match fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        let mut paths = files.map(|f| Ok(f?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        let mut reports = 0;
        for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
            // Replaced whole by others at any moment: what is read at once is one state.
            let (text, name) = (fs::read(path)?, path.file_name().unwrap_or_default().to_string_lossy());
            self.add(&format!("{REPORTS}/{name}"), text.len() as u64, &text[..])?;
            reports += 1;
        }
        Ok(reports)
    }

    fn add(&mut self, name: &str, size: u64, from: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.at);
        let mut from = Summed::of(from);
        self.tar.append_data(&mut header, name, &mut from)?;
        self.sums.push_str(&format!("{}  {name}\n", from.hex()));
        Ok(())
    }

    /// Ends with the checksums.
    pub fn end(mut self) -> io::Result<W> {
        let sums = std::mem::take(&mut self.sums);
        self.add(SUMS, sums.len() as u64, sums.as_bytes())?;
        self.tar.into_inner()
    }
}

/// Unpacks a backup into an empty folder and checks all of it.
///
/// # Errors
/// What is wrong with the file, in one sentence without a subject.
pub fn unpack(file: &Path, into: &Path) -> Result<Label, String> {
    let open = File::open(file).map_err(|e| e.to_string())?;
    let broken = |e: io::Error| format!("it cannot be read to its end: {e}");
    let mut found = BTreeMap::new();
    let mut label = None;
    let mut sums = None;
    let mut tar = tar::Archive::new(io::BufReader::new(open));
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        if label.is_none() && name != LABEL {
            return Err("it is not a backup of mailferry".to_owned());
        }
        if !entry.header().entry_type().is_file() || !is_ours(&name) || found.contains_key(&name) {
            return Err(format!("there is something in it that does not belong there: {name:?}"));
        }
        if name == SUMS {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(broken)?;
            sums = Some(text);
            continue;
        }
        let path = into.join(&name);
        let written = write_private(&path, &mut Summed::of(&mut entry));
        let sum = written.map_err(|e| format!("it cannot be unpacked: {e}"))?;
        if name == LABEL {
            label = Some(read_label(&path)?);
        }
        found.insert(name, sum);
    }
    let sums = sums.ok_or("its end is missing")?;
    let told: BTreeMap<String, String> =
        sums.lines().filter_map(|l| l.split_once("  ")).map(|(s, n)| (n.to_owned(), s.to_owned())).collect();
    if told != found {
        return Err("its checksums do not fit".to_owned());
    }
    if !found.contains_key(DATABASE) {
        return Err("there is no store in it".to_owned());
    }
    label.ok_or_else(|| "it is not a backup of mailferry".to_owned())
}

fn read_label(path: &Path) -> Result<Label, String> {
    let text = fs::read(path).map_err(|e| e.to_string())?;
    let label: Label = serde_json::from_slice(&text).map_err(|_| "its label cannot be read")?;
    match label.format == FORMAT {
        true => Ok(label),
        false => Err(format!("it has the form {}, this program knows {FORMAT}", label.format)),
    }
}

fn is_ours(name: &str) -> bool {
    let is_report = |name: &str| {
        let id = name.strip_prefix(REPORTS).and_then(|n| n.strip_prefix('/')?.strip_suffix(".json"));
        id.is_some_and(|id| Uuid::parse_str(id).is_ok())
    };
    [LABEL, SUMS, DATABASE, KEY].contains(&name) || is_report(name)
}

fn write_private(path: &Path, from: &mut Summed<impl Read>) -> io::Result<String> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::copy(from, &mut file)?;
    file.sync_all()?;
    let read = std::mem::replace(&mut from.sum, Sha256::new());
    Ok(read.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
