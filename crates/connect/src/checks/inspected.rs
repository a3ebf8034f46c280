//! Products that open TLS connections on their way, known by the issuers that they put into certificates.

/// What an issuer's name holds, in small letters, and the product.
const PRODUCTS: [(&str, &str); 27] = [
    ("zscaler", "Zscaler"),
    ("netskope", "Netskope"),
    ("fortinet", "a FortiGate"),
    ("fortigate", "a FortiGate"),
    ("palo alto", "Palo Alto Networks"),
    ("blue coat", "Symantec (Blue Coat) ProxySG"),
    ("bluecoat", "Symantec (Blue Coat) ProxySG"),
    ("cisco umbrella", "Cisco Umbrella"),
    ("cisco secure access", "Cisco Secure Access"),
    ("opendns", "Cisco Umbrella (OpenDNS)"),
    ("sophos", "Sophos"),
    ("mcafee web gateway", "Skyhigh (McAfee) Web Gateway"),
    ("skyhigh", "Skyhigh Web Gateway"),
    ("barracuda", "Barracuda"),
    ("check point", "Check Point"),
    ("forcepoint", "Forcepoint"),
    ("websense", "Forcepoint (Websense)"),
    ("watchguard", "WatchGuard"),
    ("sonicwall", "SonicWall"),
    ("iboss", "iboss"),
    ("menlo security", "Menlo Security"),
    ("cato networks", "Cato Networks"),
    ("cloudflare gateway", "Cloudflare Gateway"),
    ("kaspersky", "Kaspersky"),
    ("eset ssl filter", "ESET"),
    ("avast", "Avast"),
    ("mitmproxy", "mitmproxy"),
];

/// The product whose issuer this is.
pub fn product(issuer: &str) -> Option<&'static str> {
    let issuer = issuer.to_lowercase();
    PRODUCTS.iter().find(|(mark, _)| issuer.contains(mark)).map(|(_, product)| *product)
}
