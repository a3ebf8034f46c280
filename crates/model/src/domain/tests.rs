//! What is said of a domain's records.

use super::*;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * 3600).unwrap()
}

fn record(kind: RecordKind, name: &str, values: &[&str], ttl: u32) -> Record {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Record { kind, name: name.to_owned(), values, ttl: Some(ttl), fault: None }
}

fn domain(wanted: Wanted, records: Vec<Record>) -> Domain {
    Domain {
        version: 1,
        name: "example.org".to_owned(),
        wanted,
        at: None,
        batch: None,
        resolver: None,
        asked: None,
        asked_by: "anna".to_owned(),
        looked: Some(at(0)),
        records,
        warned: None,
    }
}

fn microsoft() -> Wanted {
    Wanted::by(Destination::Microsoft365, "example.org", Some("contoso.onmicrosoft.com"))
}

#[test]
fn what_is_there_is_held_against_what_a_provider_asks_for() {
    use RecordKind as K;
    let records = vec![
        record(K::Mx, "example.org", &["10 mail.example.org."], 86_400),
        record(K::Spf, "example.org", &["v=spf1 include:spf.protection.outlook.com -all"], 300),
        record(
            K::Dkim,
            "selector1._domainkey.example.org",
            &["selector1-example-org._domainkey.contoso.onmicrosoft.com."],
            60,
        ),
        record(K::Dkim, "selector2._domainkey.example.org", &[], 60),
        record(K::Dmarc, "_dmarc.example.org", &["v=DMARC1; p=none"], 60),
        Record {
            fault: Some("the DNS server does not answer".to_owned()),
            ..record(K::Autodiscover, "autodiscover.example.org", &[], 0)
        },
    ];
    let rows = judge(&domain(microsoft(), records), None, at(0));
    let verdicts: Vec<Verdict> = rows.iter().map(|row| row.verdict).collect();
    use Verdict as V;
    assert_eq!(verdicts, [V::Differs, V::AsWanted, V::AsWanted, V::Missing, V::AsWanted, V::Unknown]);
    assert_eq!(rows[0].wanted.as_deref(), Some("example-org.mail.protection.outlook.com"));
    assert!(rows[0].notes[0].contains("for 1 d after it was changed"), "{:?}", rows[0].notes);
    assert!(rows[5].notes[0].contains("does not answer"));
    assert!(judge(&domain(Wanted::default(), rows_of_mx(60)), None, at(0))[0].verdict == V::NotAsked);
}

fn rows_of_mx(ttl: u32) -> Vec<Record> {
    vec![record(RecordKind::Mx, "example.org", &["10 old.example.org"], ttl)]
}

#[test]
fn records_that_receivers_take_for_faults_are_named() {
    use RecordKind as K;
    let wanted = Wanted { mx: vec!["new.example.org".to_owned()], ..Wanted::default() };
    let records = vec![
        record(K::Mx, "example.org", &["10 old.example.org", "20 NEW.example.org."], 60),
        record(K::Spf, "example.org", &["v=spf1 a -all", "v=spf1 mx -all"], 60),
        record(K::Dmarc, "_dmarc.example.org", &["v=DMARC1; p=none", "v=DMARC1; p=reject"], 60),
    ];
    let notes: Vec<String> =
        judge(&domain(wanted, records), None, at(0)).into_iter().flat_map(|row| row.notes).collect();
    for (note, words) in notes.iter().zip(["old and to the new", "several SPF", "several DMARC"]) {
        assert!(note.contains(words), "{note}");
    }
    assert_eq!(notes.len(), 3);
    let wanted =
        Wanted { spf: Some("include:a.org".into()), dmarc: Some("p=reject".into()), ..Wanted::default() };
    let records = vec![
        record(K::Spf, "example.org", &["v=spf1 include:a.organic.org -all"], 60),
        record(K::Dmarc, "_dmarc.example.org", &["v=DMARC1; p = reject; pct=100"], 60),
    ];
    let verdicts: Vec<Verdict> =
        judge(&domain(wanted, records), None, at(0)).iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Differs, Verdict::AsWanted], "a longer name is another one");
}

#[test]
fn long_ttls_are_warned_of_two_days_before_the_switch_and_once() {
    let mut domain = domain(microsoft(), rows_of_mx(86_400));
    let warning = |domain: &Domain, switch, now| {
        switch_warning(domain, Some(at(switch)), at(now)).map(|(_, told)| told)
    };
    assert_eq!(warning(&domain, 100, 51), None, "three days before");
    let told = warning(&domain, 100, 52).unwrap();
    assert_eq!(told, ["MX example.org is believed for 1 d"]);
    assert_eq!(warning(&domain, 100, 101), None, "it is over");
    domain.warned = Some(at(100));
    assert_eq!(warning(&domain, 100, 60), None, "it was told");
    assert!(warning(&domain, 110, 62).is_some(), "another switch");
    domain.records = rows_of_mx(300);
    assert_eq!(warning(&domain, 110, 62), None);
    let row = |now| {
        judge(&self::domain(microsoft(), rows_of_mx(86_400)), Some(at(100)), at(now))
            .remove(0)
            .notes
            .remove(0)
    };
    assert!(row(50).contains("before 1970-01-04T04:00:00Z"), "{}", row(50));
    assert!(row(80).contains("longer than there is"), "{}", row(80));
}

#[test]
fn names_are_those_of_the_dns() {
    assert_eq!(name(" Example.ORG. ").unwrap(), "example.org");
    for wrong in [
        "",
        "org",
        "a..b",
        "-a.org",
        "a b.org",
        "bücher.example",
        "../x.y",
        &format!("{}.org", "a".repeat(64)),
    ] {
        assert!(name(wrong).is_err(), "{wrong}");
    }
    assert!(name("bücher.example").unwrap_err().contains("xn--"));
}
