//! A server that an answer named which nobody vouches for: it is confirmed before anybody signs in there.

use super::Fault;

/// Whether a host lies in a domain.
pub fn is_own(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_lowercase(), domain.to_lowercase());
    !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
}

/// The host that was found, and the options beside its name that confirm it.
pub fn found(host: &str, more: &str) -> Fault {
    // What is copied into a shell is a host's name and nothing else.
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c));
    let named = if is_name { host } else { "HOST" };
    Fault::fail("AUTODISCOVER_FOREIGN_HOST")
        .natively(mailferry_model::finding::Verdict::Unknown)
        .with("found", host)
        .with("confirm", format!("--remote-server {named}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_domains_own_or_a_strangers() {
        for (host, domain, own) in [
            ("mail.Example.org", "example.ORG", true),
            ("example.org", "example.org", true),
            ("notexample.org", "example.org", false),
            ("example.org.evil.example", "example.org", false),
            ("evil.example.", "", false),
        ] {
            assert_eq!(is_own(host, domain), own, "{host} {domain}");
        }
    }

    #[test]
    fn a_fix_holds_nothing_that_a_shell_reads() {
        let fault = found("x.example;id", " --port 993");
        assert!(
            fault.facts.contains(&("confirm", "--remote-server HOST --port 993".to_owned())),
            "{fault:?}"
        );
    }
}
