//! Whether several servers stand behind one name, as far as their answers tell.

use std::collections::BTreeSet;

use mailferry_model::{finding::Verdict, port::Cx};

use super::visit::Visit;
use crate::{
    checks::{Fault, Told},
    net::http::{Answer, Question},
};

/// How often is asked, each time on a new connection.
const ASKED: usize = 5;

/// Headers in which servers name themselves.
const NAMES: [&str; 2] = ["x-feserver", "x-servername"];
/// Beginnings of cookies that balancers set.
const COOKIES: [&str; 8] =
    ["bigip", "awsalb", "arraffinity", "serverid", "nsc_", "citrix_", "kemp", "exchangecookie-lb"];

/// Looks for other servers behind the name.
pub async fn look(cx: &Cx, visit: &mut Visit, path: &str) -> Told {
    let (mut servers, mut cookies) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..ASKED {
        let Ok(answer) = visit.ask_afresh(cx, Question::get(path)).await else { continue };
        servers.extend(named(&answer));
        cookies.extend(balanced(&answer));
    }
    // One machine has an address of each family.
    let fours = visit.way.addresses.iter().filter(|a| a.is_ipv4()).count();
    let addresses = fours.max(visit.way.addresses.len() - fours);
    judge(servers.into_iter().collect(), &cookies.into_iter().collect::<Vec<_>>(), addresses)
}

fn named(answer: &Answer) -> impl Iterator<Item = String> {
    NAMES.iter().filter_map(|name| answer.header(name)).map(str::to_uppercase)
}

fn balanced(answer: &Answer) -> impl Iterator<Item = String> {
    let names = answer.all("set-cookie").filter_map(|cookie| cookie.split('=').next());
    names.filter(|name| COOKIES.iter().any(|c| name.to_lowercase().starts_with(c))).map(str::to_owned)
}

/// What was seen: one server, or several.
fn judge(servers: Vec<String>, cookies: &[String], addresses: usize) -> Told {
    let shown = format!(
        "{addresses} address{}; servers: {}; cookies of balancers: {}",
        if addresses == 1 { "" } else { "es" },
        if servers.is_empty() { "not told".to_owned() } else { servers.join(", ") },
        if cookies.is_empty() { "none".to_owned() } else { cookies.join(", ") },
    );
    let told = Told::pass(shown.clone()).seen("servers", servers.clone());
    if servers.len() < 2 && addresses < 2 && cookies.is_empty() {
        return told;
    }
    let mut fault = Fault::warn("EXCHANGE_BALANCED").with("seen", shown.clone()).natively(Verdict::Pass);
    if let Some(first) = servers.first().filter(|_| servers.len() > 1) {
        fault = fault.with("server", first.clone());
    }
    told.but(Some(fault.shown(shown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_is_no_balancer_and_two_are() {
        assert!(judge(vec!["EX1".into()], &[], 1).warning.is_none());
        assert!(judge(Vec::new(), &[], 1).warning.is_none());
        for (servers, cookies, addresses) in [
            (vec!["EX1".to_owned(), "EX2".to_owned()], vec![], 1),
            (vec![], vec!["BIGipServerpool".to_owned()], 1),
            (vec![], vec![], 2),
        ] {
            assert!(judge(servers, &cookies, addresses).warning.is_some());
        }
    }
}
