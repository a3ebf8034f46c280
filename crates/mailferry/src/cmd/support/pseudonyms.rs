//! Names for names: the same each time within one bundle, and nobody can go back without the table.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// Gives names to names.
pub struct Pseudonyms {
    /// Never leaves this process.
    salt: Zeroizing<[u8; 32]>,
    /// What stands for what, for whoever keeps the table.
    table: BTreeMap<String, String>,
}

impl Pseudonyms {
    /// With a salt of their own.
    pub fn fresh() -> Result<Self, getrandom::Error> {
        let mut salt = Zeroizing::new([0; 32]);
        getrandom::fill(&mut salt[..])?;
        Ok(Self { salt, table: BTreeMap::new() })
    }

    /// The pseudonym of a name of that kind. Names are compared without case.
    pub fn of(&mut self, kind: &str, name: &str) -> String {
        let hash = blake3::keyed_hash(&self.salt, name.trim().to_lowercase().as_bytes()).to_hex();
        let pseudonym = format!("{kind}-{}", &hash[..10]);
        self.table.insert(pseudonym.clone(), name.to_owned());
        pseudonym
    }

    /// The pseudonym of an address: people of one domain can be seen to be of one domain.
    pub fn address(&mut self, address: &str) -> String {
        match address.rsplit_once('@') {
            Some((user, domain)) => format!("{}@{}", self.of("user", user), self.of("host", domain)),
            None => self.of("user", address),
        }
    }

    /// A name that stands in a text although it should not; looks only for what cannot be a common word.
    pub fn leak<'a>(&'a self, text: &str) -> Option<&'a str> {
        let text = text.to_lowercase();
        let telling = |name: &&String| name.len() >= 6 && name.contains(['.', '@', '/']);
        self.table
            .values()
            .filter(telling)
            .find(|name| text.contains(&name.to_lowercase()))
            .map(String::as_str)
    }

    /// Pseudonyms and names, as CSV.
    pub fn table(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // Writing into memory cannot fail.
        let _ = writer.write_record(["pseudonym", "name"]);
        for (pseudonym, name) in &self.table {
            let _ = writer.write_record([pseudonym, name]);
        }
        String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_within_one_bundle_and_another_in_the_next() {
        let (mut one, mut two) = (Pseudonyms::fresh().unwrap(), Pseudonyms::fresh().unwrap());
        let first = one.address("Anna@Example.org");
        assert_eq!(first, one.address("anna@example.ORG"));
        assert_ne!(first, two.address("anna@example.org"));
        assert_eq!(
            one.address("ben@example.org").split_once('@').unwrap().1,
            first.split_once('@').unwrap().1
        );
        assert!(
            !first.contains("anna") && one.leak("x EXAMPLE.org y").is_some() && one.leak(&first).is_none()
        );
    }
}
