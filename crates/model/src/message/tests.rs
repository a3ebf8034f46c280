//! Messages: every text in every language, own texts, and what is refused of them.

use uuid::Uuid;

use super::*;
use crate::{
    id::{BatchId, EndpointId, UserId},
    settings::MailboxAddress,
};

fn batch() -> Batch {
    let end = EndpointId(Uuid::nil());
    let mut batch =
        Batch::created(BatchId(Uuid::nil()), "Wave <1>".into(), (end, end), Timestamp::UNIX_EPOCH);
    batch.schedule.start_after = Some("2026-11-30T19:00:00Z".parse().unwrap());
    batch.schedule.complete_after = Some("2026-12-04T17:00:00Z".parse().unwrap());
    batch.schedule.time_zone = Some("Europe/Berlin".into());
    batch
}

fn user() -> User {
    let of = |address: &str| MailboxAddress { address: address.into(), ..MailboxAddress::default() };
    let ends = (of("anna@old.example"), of("anna@new.example"));
    User::queued(UserId(Uuid::nil()), BatchId(Uuid::nil()), "anna@old.example".into(), ends)
}

fn written(kind: Kind, lang: Lang, text: &str) -> Written {
    let batch = batch();
    let (new_server, help_desk) = (Some("mail.new.example"), Some("+49 30 1234, desk@new.example"));
    let facts = Facts { lang, batch: &batch, mailboxes: 12, new_server, help_desk };
    let user = user();
    Template::read(text, kind).unwrap().fill(&facts, kind.is_of_mailboxes().then_some(&user))
}

#[test]
fn every_text_in_every_language_is_filled_to_the_last_placeholder() {
    for kind in Kind::ALL {
        for lang in Lang::ALL {
            let Written { subject, text, html } = written(kind, lang, text(kind, lang));
            let at = format!("{} {}", kind.word(), lang.word());
            for part in [&subject, &text, &html] {
                assert!(!part.contains('{') && !part.contains('}'), "{at}: {part}");
            }
            assert!(!subject.contains('\n') && subject.chars().count() > 10, "{at}: {subject}");
            let named = if kind.is_of_mailboxes() { "anna@old.example" } else { "Wave <1>" };
            assert!(subject.contains(named), "{at}: {subject}");
            assert!(text.contains("+49 30 1234, desk@new.example"), "{at}: {text}");
            let dir = if lang == Lang::Ur { "rtl" } else { "ltr" };
            assert!(html.contains(&format!("<html lang=\"{}\" dir=\"{dir}\">", lang.word())), "{at}: {html}");
            assert!(html.contains("<ul>") && !html.contains("<1>") && !html.contains("http"), "{at}: {html}");
        }
    }
}

/// What people are told is the same in each language: the same placeholders, as many points.
#[test]
fn translations_say_as_much_as_the_english_text() {
    let shape = |kind, lang| {
        let text = text(kind, lang);
        let mut words: Vec<&str> =
            text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        words.sort_unstable();
        let points = text.lines().filter(|line| line.starts_with("- ")).count();
        (words.into_iter().map(str::to_owned).collect::<Vec<_>>(), points, text.split("\n\n").count())
    };
    for kind in Kind::ALL {
        for lang in [Lang::De, Lang::Ur] {
            assert_eq!(shape(kind, lang), shape(kind, Lang::En), "{} {}", kind.word(), lang.word());
        }
    }
}

#[test]
fn times_are_told_in_the_zone_and_the_language_and_a_mailbox_has_its_own() {
    let batch = batch();
    let facts = |lang| Facts { lang, batch: &batch, mailboxes: 1, new_server: None, help_desk: None };
    for (lang, wanted) in [
        (Lang::En, "Friday 4 December 2026, 18:00 (Europe/Berlin)"),
        (Lang::De, "Freitag, 4. Dezember 2026, 18:00 Uhr (Europe/Berlin)"),
        (Lang::Ur, "جمعہ، 4 دسمبر 2026، 18:00 (Europe/Berlin)"),
    ] {
        assert_eq!(facts(lang).value(Placeholder::Completes, None), wanted);
    }
    let own = User { complete_after: Some("2026-12-31T23:30:00Z".parse().unwrap()), ..user() };
    let told = facts(Lang::En).value(Placeholder::Completes, Some(&own));
    assert_eq!(told, "Friday 1 January 2027, 00:30 (Europe/Berlin)");
    let bare = Batch { schedule: crate::schedule::Schedule::default(), ..batch.clone() };
    let facts = Facts { lang: Lang::De, batch: &bare, mailboxes: 1, new_server: None, help_desk: None };
    for placeholder in [Placeholder::Starts, Placeholder::Completes, Placeholder::NewServer] {
        assert_eq!(facts.value(placeholder, None), "wird noch bekannt gegeben");
    }
    assert_eq!(facts.value(Placeholder::HelpDesk, Some(&user())), "Fragen Sie Ihren Helpdesk.");
    assert_eq!(facts.value(Placeholder::HelpDesk, None), "wird noch bekannt gegeben");
    let over = Batch { completed: Some("2026-12-01T06:00:00Z".parse().unwrap()), ..batch.clone() };
    let facts = Facts { lang: Lang::En, batch: &over, mailboxes: 1, new_server: None, help_desk: None };
    assert!(facts.value(Placeholder::Completes, None).starts_with("Tuesday 1 December 2026, 07:00"));
}

#[test]
fn values_are_escaped_and_keep_their_direction() {
    let text = "Subject: {batch} & co\n\n- a <b>\n- {address}\n\none\ntwo {batch}\n";
    let english = written(Kind::Before, Lang::En, text);
    assert_eq!(english.subject, "Wave <1> & co");
    assert_eq!(english.text, "- a <b>\n- anna@old.example\n\none\ntwo Wave <1>\n");
    let body = "<ul>\n<li>a &lt;b&gt;</li>\n<li><bdi>anna@old.example</bdi></li>\n</ul>\n\
                <p>one<br>\ntwo <bdi>Wave &lt;1&gt;</bdi></p>\n";
    assert!(english.html.contains(body), "{}", english.html);
    assert!(english.html.contains("<title>Wave &lt;1&gt; &amp; co</title>"));
    let urdu = written(Kind::Before, Lang::Ur, text);
    assert!(urdu.text.contains("\u{2068}anna@old.example\u{2069}"), "{}", urdu.text);
}

#[test]
fn a_text_that_cannot_be_used_says_which_line_and_why() {
    let refused = |text: &str, kind| Template::read(text, kind).unwrap_err();
    for (text, part) in [
        ("", "Line 1: a text begins with its subject"),
        ("Hello\n\nyou", "Line 1:"),
        ("Subject:  \n\nyou", "Line 1:"),
        ("Subject: x\n\n \n", "empty"),
        (
            "Subject: x\n\nHello {name}",
            "Line 3: {name} is not known; a message of the kind before knows {address}",
        ),
        ("Subject: x\n\nHello {address", "Line 3: a { without its }"),
        ("Subject: a\u{202e}b\n\nx", "Line 1: the character"),
    ] {
        let told = refused(text, Kind::Before);
        assert!(told.contains(part), "{text:?}: {told}");
    }
    assert!(refused("Subject: x\n\n{address}", Kind::HelpDesk).contains("{address} is not known"));
    assert!(refused(&format!("Subject: x\n\n{}", "y".repeat(LARGEST)), Kind::Before).contains("64 KB"));
    assert!(
        Template::read("\u{feff}Subject: x\r\n\r\ny\tz\r\n", Kind::Before).is_ok(),
        "as Windows writes it"
    );
    assert!(Kind::named("later").unwrap_err().contains("before, on-the-day, after, help-desk"));
    assert!(Lang::named("fr").unwrap_err().contains("en, de, ur"));
}
