//! Asks the DNS for what belongs to the mail flow of a domain. Judges nothing.

use async_trait::async_trait;
use futures_util::future::join_all;
use mailferry_model::{
    domain::{Domain, Record, RecordKind},
    port::{Cx, Zones},
};

use crate::net::dns::{self, Names, Question, Unresolved};

/// The DNS, as this system or a named server tells it.
pub struct Dns;

#[async_trait]
impl Zones for Dns {
    async fn look(&self, cx: &Cx, domain: &Domain) -> Vec<Record> {
        let names = match domain.resolver.as_deref().map(Names::parse).transpose() {
            Ok(names) => names.unwrap_or_default(),
            Err(fault) => return questions(domain).into_iter().map(|q| q.failed(fault.clone())).collect(),
        };
        join_all(questions(domain).into_iter().map(|q| q.ask(cx, names))).await
    }
}

/// What is asked of one name.
struct Asked {
    kind: RecordKind,
    name: String,
    /// One after another, until there is an answer.
    questions: Vec<(Question, String)>,
    /// What its text begins with.
    begins: &'static str,
}

fn questions(domain: &Domain) -> Vec<Asked> {
    let of = |kind, name: String, questions: &[Question], begins| {
        let questions = questions.iter().map(|question| (*question, name.clone())).collect();
        Asked { kind, name, questions, begins }
    };
    let name = &domain.name;
    let mut all = vec![
        of(RecordKind::Mx, name.clone(), &[Question::Mx], ""),
        of(RecordKind::Spf, name.clone(), &[Question::Txt], "v=spf1"),
    ];
    for selector in domain.wanted.dkim.keys() {
        let name = format!("{selector}._domainkey.{name}");
        all.push(of(RecordKind::Dkim, name, &[Question::Cname, Question::Txt], ""));
    }
    all.push(of(RecordKind::Dmarc, format!("_dmarc.{name}"), &[Question::Txt], "v=dmarc1"));
    let mut autodiscover = of(
        RecordKind::Autodiscover,
        format!("autodiscover.{name}"),
        &[Question::Cname, Question::Address],
        "",
    );
    autodiscover.questions.push((Question::Srv, format!("_autodiscover._tcp.{name}")));
    all.push(autodiscover);
    all
}

impl Asked {
    fn failed(self, fault: String) -> Record {
        Record { kind: self.kind, name: self.name, values: Vec::new(), ttl: None, fault: Some(fault) }
    }

    async fn ask(self, cx: &Cx, names: Names) -> Record {
        for (question, name) in &self.questions {
            match dns::records(cx, names, *question, name).await {
                Ok((mut values, ttl)) => {
                    values.retain(|text| text.to_lowercase().starts_with(self.begins));
                    if !values.is_empty() {
                        return Record {
                            kind: self.kind,
                            name: self.name,
                            values,
                            ttl: Some(ttl),
                            fault: None,
                        };
                    }
                }
                Err(Unresolved::NoSuchName | Unresolved::NoAddress) => {}
                Err(why) => return self.failed(why.to_string()),
            }
        }
        Record { kind: self.kind, name: self.name, values: Vec::new(), ttl: None, fault: None }
    }
}

#[cfg(test)]
mod tests {
    use mailferry_lab::fake::names::{Known, NameServer};
    use mailferry_model::domain::{Destination, Verdict, Wanted, judge};

    use super::*;
    use crate::testing::cx;
    use mailferry_model::error::Side;

    fn domain(server: &NameServer) -> Domain {
        Domain {
            version: 1,
            name: "example.org".to_owned(),
            wanted: Wanted::by(Destination::Microsoft365, "example.org", Some("contoso.onmicrosoft.com")),
            at: None,
            batch: None,
            resolver: Some(server.address.to_string()),
            asked: None,
            asked_by: "anna".to_owned(),
            looked: None,
            records: Vec::new(),
            warned: None,
        }
    }

    #[tokio::test]
    async fn all_that_belongs_to_the_mail_flow_is_asked_for() {
        let server = NameServer::start(&[
            (
                "example.org",
                Known::Zone(vec![
                    (15, "10 mail.example.org"),
                    (16, "v=spf1 mx -all"),
                    (16, "something=else"),
                ]),
            ),
            (
                "selector1._domainkey.example.org",
                Known::Alias("selector1-example-org._domainkey.contoso.onmicrosoft.com"),
            ),
            ("selector2._domainkey.example.org", Known::Fails),
            ("_dmarc.example.org", Known::Zone(vec![(16, "v=DMARC1; p=none")])),
            ("_autodiscover._tcp.example.org", Known::Service("mail.example.org", 443)),
        ])
        .await
        .unwrap();
        let domain = domain(&server);
        let records = Dns.look(&cx(Side::Us), &domain).await;
        let told: Vec<(RecordKind, &[String])> = records.iter().map(|r| (r.kind, &r.values[..])).collect();
        let none: [String; 0] = [];
        use RecordKind as K;
        assert_eq!(
            told,
            [
                (K::Mx, &["10 mail.example.org".to_owned()][..]),
                (K::Spf, &["v=spf1 mx -all".to_owned()]),
                (K::Dkim, &["selector1-example-org._domainkey.contoso.onmicrosoft.com".to_owned()]),
                (K::Dkim, &none),
                (K::Dmarc, &["v=DMARC1; p=none".to_owned()]),
                (K::Autodiscover, &["1 1 443 mail.example.org".to_owned()]),
            ]
        );
        assert_eq!(records[0].ttl, Some(60));
        assert!(records[3].fault.as_deref().unwrap().contains("SERVFAIL"), "{:?}", records[3]);
        let rows = judge(&Domain { records, ..domain }, None, "2026-01-01T00:00:00Z".parse().unwrap());
        let verdicts: Vec<Verdict> = rows.iter().map(|row| row.verdict).collect();
        use Verdict as V;
        assert_eq!(verdicts, [V::Differs, V::Differs, V::AsWanted, V::Unknown, V::AsWanted, V::Differs]);
    }
}
