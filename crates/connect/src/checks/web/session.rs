//! A site that is named, or found by an address.

use mailferry_model::settings::Settings;

use super::Site;

/// What the settings say.
#[derive(Clone, Debug)]
pub struct Session {
    /// The server and the account.
    pub site: Site,
    /// The address for Autodiscover, where it is asked.
    pub discovers: Option<String>,
}

impl Session {
    /// A site, and the address to find it by where that is asked or needed.
    ///
    /// # Errors
    /// One sentence where there is neither a server nor an address.
    pub fn of(site: Site, address: Option<&str>, settings: &Settings) -> Result<Self, Vec<String>> {
        let asked = settings.get("autodiscover") == Some("yes");
        let address = address.filter(|name| name.contains('@'));
        let discovers = address.filter(|_| asked || site.host.is_empty()).map(str::to_owned);
        if site.host.is_empty() && discovers.is_none() {
            let text = "remote-server is missing; or give an address to find it with: email and autodiscover";
            return Err(vec![text.to_owned()]);
        }
        Ok(Self { site, discovers })
    }
}
