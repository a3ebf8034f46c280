//! What a domain's DNS shall say once its mailboxes have moved: as an administrator wants it, or as the large providers
//! ask for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a domain's DNS shall say; nothing is held against what is not named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// The hosts that take its mail, all of them.
    pub mx: Vec<String>,
    /// What SPF contains: `include:spf.example.org`.
    pub spf: Option<String>,
    /// Selectors, and the name or the text that each shall be; empty where any will do.
    pub dkim: BTreeMap<String, String>,
    /// What DMARC contains: `p=quarantine`; empty where any will do.
    pub dmarc: Option<String>,
    /// The host that autodiscover leads to.
    pub autodiscover: Option<String>,
}

/// A provider that says what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Exchange Online.
    Microsoft365,
    /// Gmail.
    GoogleWorkspace,
}

impl std::str::FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_lowercase().as_str() {
            "microsoft-365" | "microsoft365" => Ok(Self::Microsoft365),
            "google" => Ok(Self::GoogleWorkspace),
            _ => Err("a destination is microsoft-365 or google".to_owned()),
        }
    }
}

impl Wanted {
    /// As the provider asks for it; `tenant` is the one's first domain, such as `contoso.onmicrosoft.com`.
    pub fn by(destination: Destination, domain: &str, tenant: Option<&str>) -> Self {
        let dashed = domain.replace('.', "-");
        let key = |selector: &str| {
            let tenant = tenant.map(|tenant| tenant.trim_end_matches('.').to_lowercase());
            tenant.map(|tenant| format!("{selector}-{dashed}._domainkey.{tenant}")).unwrap_or_default()
        };
        let (mx, spf, autodiscover) = match destination {
            Destination::Microsoft365 => (
                format!("{dashed}.mail.protection.outlook.com"),
                "include:spf.protection.outlook.com",
                Some("autodiscover.outlook.com".to_owned()),
            ),
            Destination::GoogleWorkspace => ("smtp.google.com".to_owned(), "include:_spf.google.com", None),
        };
        let dkim = match destination {
            Destination::Microsoft365 => ["selector1", "selector2"].map(|s| (s.to_owned(), key(s))).into(),
            Destination::GoogleWorkspace => BTreeMap::from([("google".to_owned(), String::new())]),
        };
        Self { mx: vec![mx], spf: Some(spf.to_owned()), dkim, dmarc: Some(String::new()), autodiscover }
    }

    /// What was given goes before what the provider asks for.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mx: if self.mx.is_empty() { other.mx } else { self.mx },
            spf: self.spf.or(other.spf),
            dkim: if self.dkim.is_empty() { other.dkim } else { self.dkim },
            dmarc: self.dmarc.or(other.dmarc),
            autodiscover: self.autodiscover.or(other.autodiscover),
        }
    }
}
