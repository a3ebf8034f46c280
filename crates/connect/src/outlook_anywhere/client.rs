//! What can be judged of the settings alone: two servers that are often one.

use mailferry_model::{Error, Kind, Retry, Scope, port::Cx, settings::Settings};

use crate::checks::web::Site;

/// Where RPC over HTTP begins.
// MS-RPCH 3.2.2
pub const RPC_PROXY: &str = "/rpc/rpcproxy.dll";

/// What the settings say.
#[derive(Clone, Debug)]
pub struct Session {
    /// The RPC proxy and the account.
    pub site: Site,
    /// The address for Autodiscover, where it is asked.
    pub discovers: Option<String>,
}

impl Session {
    /// Reads the settings.
    ///
    /// # Errors
    /// One sentence for each fault.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<String>> {
        let mut site = Site::from_settings(settings)?;
        if let (true, Some(server)) = (site.host.is_empty(), settings.get("exchange-server")) {
            server.clone_into(&mut site.host);
        }
        if let Some(proxy) = settings.get("rpc-proxy-server") {
            proxy.clone_into(&mut site.host);
        }
        let asked = settings.get("autodiscover") == Some("yes");
        let email = settings.get("email").filter(|name| name.contains('@'));
        let discovers = email.filter(|_| asked || site.host.is_empty()).map(str::to_owned);
        if site.host.is_empty() && discovers.is_none() {
            let text = "remote-server is missing; or give an address to find it with: email and autodiscover";
            return Err(vec![text.to_owned()]);
        }
        Ok(Self { site, discovers })
    }
}

/// Judges the settings.
///
/// # Errors
/// One sentence for each fault.
pub fn check(settings: &Settings) -> Result<(), Vec<String>> {
    Session::from_settings(settings).map(drop)
}

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    let text = "this version tests Outlook Anywhere endpoints and does not move their mailboxes yet";
    Error::new(Kind::Unsupported, cx.side, "open mailbox", text)
        .scope_of(Scope::Endpoint)
        .retry_of(Retry::AfterFix)
}
