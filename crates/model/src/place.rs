//! Where a mailbox is, as far as settings tell: by what its ledger is found again, and whether two are one.
//!
//! Nothing is asked here: two names of one server are two places.

use crate::settings::{MailboxAddress, Manifest, SettingSpec, Settings, Takes};

/// A mailbox as an endpoint's settings and an address name it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The kind of system.
    pub manifest: &'a Manifest,
    /// Where that system is.
    pub settings: &'a Settings,
    /// Whose mailbox.
    pub mailbox: &'a MailboxAddress,
}

/// Ports below this one belong to the machine's own services.
const WELL_KNOWN: u16 = 1024;

impl<'a> Place<'a> {
    /// The mailbox as stable text: kind, place and user, never how one signs in. Ledgers are found by it.
    pub fn identity(self) -> String {
        let mut text = self.manifest.kind.to_owned();
        for spec in self.specs() {
            text.push_str(&format!(" {}={:?}", spec.name, self.value(spec)));
        }
        text.push_str(&format!(" mailbox={:?}", self.user()));
        text
    }

    /// The mailbox as text that is the same for all spellings of it: who holds this holds the mailbox. What differs
    /// in letter case alone is one: an open question must not be answered by copying a mailbox into itself.
    pub fn key(self) -> String {
        let mut text = self.manifest.kind.to_owned();
        // A mailbox that lies at a path is that path, whoever's it is.
        let mut has_path = false;
        for spec in self.specs() {
            let value = match spec.takes {
                Takes::Port => format!("{:?}", door(&self.value(spec))),
                Takes::Path => {
                    has_path = true;
                    format!("{:?}", self.path(spec))
                }
                _ => format!("{:?}", self.value(spec).to_lowercase()),
            };
            text.push_str(&format!(" {}={value}", spec.name));
        }
        if !has_path {
            text.push_str(&format!(" mailbox={:?}", self.user().to_lowercase()));
        }
        text
    }

    /// Whether two places are one mailbox.
    pub fn is_same(self, other: Place<'_>) -> bool {
        self.key() == other.key()
    }

    fn specs(self) -> impl Iterator<Item = &'static SettingSpec> {
        let is_place = |s: &&SettingSpec| s.required || matches!(s.takes, Takes::Host | Takes::Port);
        self.manifest.settings.iter().filter(is_place).filter(|s| s.takes != Takes::Secret)
    }

    fn value(self, spec: &SettingSpec) -> String {
        let value = self.settings.get(spec.name).or(spec.default).unwrap_or_default();
        if spec.takes == Takes::Host { host(value) } else { value.to_owned() }
    }

    fn path(self, spec: &SettingSpec) -> Vec<String> {
        let path = self.value(spec).replace("{user}", self.user());
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    }

    fn user(self) -> &'a str {
        self.mailbox.name()
    }
}

/// What a port says of the place: the well-known ones, and the one that nobody named, are doors of one service.
fn door(port: &str) -> Option<u16> {
    port.parse().ok().filter(|port| *port >= WELL_KNOWN)
}

/// One spelling for a host: two spellings would be two ledgers of one mailbox.
fn host(name: &str) -> String {
    let name = name.to_lowercase();
    match name.trim_end_matches('.') {
        "localhost" => "127.0.0.1".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn manifest(kind: &'static str, settings: &'static [SettingSpec]) -> Manifest {
        Manifest {
            kind,
            title: "",
            naming: "",
            source: true,
            target: true,
            moves: true,
            schemes: &[],
            settings,
            guide: "",
        }
    }

    static POST: Manifest = manifest(
        "post",
        &[
            SettingSpec::optional("server", Takes::Host, None, ""),
            SettingSpec::optional("port", Takes::Port, None, ""),
            SettingSpec::optional("username", Takes::Text, None, ""),
        ],
    );
    static SHELF: Manifest = manifest(
        "shelf",
        &[SettingSpec { required: true, ..SettingSpec::optional("path", Takes::Path, None, "") }],
    );

    fn settings(text: &str) -> Settings {
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.fold(Settings::default(), |all, (name, value)| all.with(name, value))
    }

    fn is_same(manifest: &Manifest, one: (&str, &str), other: (&str, &str)) -> bool {
        let mailbox = |address: &str| MailboxAddress { address: address.into(), ..MailboxAddress::default() };
        let (a, b) = (settings(one.0), settings(other.0));
        let (m, n) = (mailbox(one.1), mailbox(other.1));
        let one = Place { manifest, settings: &a, mailbox: &m };
        one.is_same(Place { manifest, settings: &b, mailbox: &n })
    }

    #[test]
    fn one_mailbox_is_seen_behind_two_spellings_and_two_are_never_one() {
        for (manifest, one, other, same) in [
            (&POST, ("server=h.x", "a@x"), ("server=h.x", "a@x"), true),
            (&POST, ("server=h.x username=u", "a@x"), ("server=H.x.", "A@X"), true),
            (&POST, ("server=h.x port=143", "a@x"), ("server=h.x port=993", "a@x"), true),
            (&POST, ("server=h.x", "a@x"), ("server=h.x port=993", "a@x"), true),
            (&POST, ("server=localhost port=1143", "a@x"), ("server=127.0.0.1 port=1143", "a@x"), true),
            (&POST, ("server=h.x", "a@x"), ("server=h.x", "archive@x"), false),
            (&POST, ("server=h.x", "a@x"), ("server=g.x", "a@x"), false),
            (&POST, ("server=h.x port=1143", "a@x"), ("server=h.x port=2143", "a@x"), false),
            (&POST, ("server=h.x port=1143", "a@x"), ("server=h.x", "a@x"), false),
            (&SHELF, ("path=/srv/{user}", "a"), ("path=/srv//a/", "b"), true),
            (&SHELF, ("path=/srv/{user}", "a"), ("path=/srv/{user}", "b"), false),
            (&SHELF, ("path=/srv/{user}/cur", "a"), ("path=/srv/{user}", "a"), false),
        ] {
            assert_eq!(is_same(manifest, one, other), same, "{one:?} {other:?}");
            assert_eq!(is_same(manifest, other, one), same, "{other:?} {one:?}");
        }
    }
}
