//! What a run without changes costs.

use mailferry_lab::imap::{Abilities, Config, Letter};
use mailferry_wire::imap::{Capability, Flag};

use super::scene::{Scene, letter, server};

#[test]
fn two_thousand_unchanged_folders_cost_twenty_commands() {
    let scene = Scene::with(&[], &[]);
    let mut n = 0;
    for folder in 0..2_000 {
        let name = format!("Area {}/Folder {folder}", folder % 20);
        scene.from().create_mailbox(&name);
        if folder % 10 == 0 {
            n += 1;
            scene.from().deliver(&name, letter(n));
        }
    }
    scene.copies(0);
    scene.rests();
    let (asked, said) = (scene.source.log().entries().len(), scene.target.log().entries().len());
    println!("2,000 folders without a change: {asked} commands to the source, {said} to the target");
    assert!(asked <= 20, "{asked}");
}

#[test]
fn mail_without_changes_is_not_listed_again() {
    for abilities in [Abilities::all(), Abilities::all().without(Capability::QResync)] {
        let source = Config { abilities, ..server(&[]) };
        let scene = Scene::of(source, server(&[]));
        scene.from().fill("INBOX", 25_000, 300, 1);
        scene.copies(0);
        scene.rests();
        let octets = scene.source.log().octets_out();
        println!("25,000 messages without a change: {octets} octets from the source");
        assert!(octets <= 100_000, "{octets}");
        scene.source.log().clear();
        scene.from().flag("INBOX", 77, &[Flag::Flagged], &[]);
        scene.from().deliver("INBOX", Letter::from_text("Subject: one more\r\n\r\n"));
        assert_eq!(scene.copies(0)["put"], 1);
        let octets = scene.source.log().octets_out();
        println!("one flag and one message more: {octets} octets from the source");
        assert!(octets <= 100_000, "{octets}");
    }
}

#[test]
fn a_server_without_extensions_rests_too() {
    let config = || Config { abilities: Abilities::least(), ..server(&[]) };
    let scene = Scene::of(config(), config()).letters(50);
    (0..20).for_each(|n| _ = scene.from().deliver(&format!("F{n}"), letter(100 + n)));
    scene.copies(0);
    scene.agree();
    scene.rests();
}
