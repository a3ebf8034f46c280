//! Whether a service is published under its name: what its page answers, and where redirects lead in the end.
//!
//! Nobody signs in here, and nobody is told who asks; a redirect is followed only to see whether it comes back.

use mailferry_model::port::Cx;
use url::Url;

use super::{
    settings::Site,
    status::{Page, asked, judge},
    visit::Visit,
};
use crate::{
    checks::{Fault, Told},
    net::http::{Answer, Question},
};

/// The field that names who looks from outside.
const FROM_OUTSIDE: &str = "fromOutside";
/// Microsoft's public analyser.
const ANALYSER: &str = "https://testconnectivity.microsoft.com";

/// Redirects that are followed; more than that is a loop too.
const HOPS: usize = 10;

/// Asks for the page of a service, which asks for a sign-in; the schemes that it offers are kept.
///
/// # Errors
/// It does something else.
pub async fn published(cx: &Cx, visit: &mut Visit, page: fn(&Visit) -> Page<'_>) -> Result<Told, Fault> {
    let told = asked_here(cx, visit, page).await;
    // Who asks from outside may come another way and meet something else.
    match told {
        Ok(told) => Ok(told.seen(FROM_OUTSIDE, ANALYSER)),
        Err(mut fault) => {
            fault.seen.insert(FROM_OUTSIDE.to_owned(), ANALYSER.into());
            Err(fault)
        }
    }
}

async fn asked_here(cx: &Cx, visit: &mut Visit, page: fn(&Visit) -> Page<'_>) -> Result<Told, Fault> {
    let path = page(visit).path.to_owned();
    let answer = visit.ask(cx, Question::get(&path)).await?;
    let judged = judge(&answer, &page(visit));
    match judged {
        Ok(told) => {
            visit.offered = answer.schemes();
            Ok(told)
        }
        Err(fault) if fault.code == "HTTP_REDIRECTED" => {
            let loops = circle(cx, &visit.site, &page(visit), answer).await;
            Err(match loops {
                Some(hops) => Fault { code: "HTTP_REDIRECT_LOOP".into(), ..fault }
                    .with("back", "and that leads back in the end")
                    .shown(hops.join("\n")),
                None => fault,
            })
        }
        Err(fault) => Err(fault),
    }
}

/// The hops of a redirect that comes back to where it has been.
async fn circle(cx: &Cx, site: &Site, page: &Page<'_>, mut answer: Answer) -> Option<Vec<String>> {
    let mut seen = vec![asked(page)?];
    let mut hops = Vec::new();
    while hops.len() < HOPS {
        let at = seen.last()?;
        let mut next = at.join(answer.header("location")?).ok()?;
        next.set_fragment(None);
        hops.push(format!("{at} -> {next}"));
        if seen.contains(&next) {
            return Some(hops);
        }
        answer = look(cx, site, &next).await?;
        seen.push(next);
    }
    Some(hops)
}

/// What a place answers to whoever asks; `None` where it does not.
async fn look(cx: &Cx, site: &Site, url: &Url) -> Option<Answer> {
    let (host, port) = (url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?);
    let mut visit = Visit::to(Site { host, port, ..site.clone() });
    visit.name(cx).await.ok()?;
    visit.connect(cx).await.ok()?;
    match url.scheme() {
        "https" => drop(visit.secure(cx).await.ok()?),
        _ => visit.stay_plain(),
    }
    let answer =
        visit.ask(cx, Question::get(&url[url::Position::BeforePath..url::Position::AfterQuery])).await;
    answer.ok().filter(|answer| (300..=399).contains(&answer.status))
}
