//! What can be judged of the settings alone: two servers that are often one.

use mailferry_model::{
    Error,
    port::Cx,
    settings::{Settings, bare_host},
};

use crate::checks::{
    later,
    web::{Session, Site},
};

/// Where RPC over HTTP begins.
// MS-RPCH 3.2.2
pub const RPC_PROXY: &str = "/rpc/rpcproxy.dll";

/// Reads the settings.
///
/// # Errors
/// One sentence for each fault.
pub fn session(settings: &Settings) -> Result<Session, Vec<String>> {
    let mut site = Site::from_settings(settings)?;
    if let (true, Some(server)) = (site.host.is_empty(), settings.get("exchange-server")) {
        bare_host(server).clone_into(&mut site.host);
    }
    if let Some(proxy) = settings.get("rpc-proxy-server") {
        bare_host(proxy).clone_into(&mut site.host);
    }
    Session::of(site, settings.get("email"), settings)
}

/// Why no mailbox is opened.
pub fn not_yet(cx: &Cx) -> Error {
    let text = "this version tests Outlook Anywhere endpoints and does not move their mailboxes yet";
    later::not_yet(cx, text)
}
