//! Bodies that are streamed: each goes to its own folder, however few connections carry them.

use mailferry_lab::imap::{Config, Letter, Quirk};

use super::scene::{Scene, letter, looks_good, server};

/// More than is held in memory, and no two alike.
fn large(n: usize) -> Letter {
    let line = format!("line of message {n}, which is like no other\r\n");
    let text = format!(
        "Subject: large {n}\r\nMessage-ID: <{n}@large>\r\n\r\n{}",
        line.repeat(9_000_000 / line.len())
    );
    Letter::from_text(&text)
}

fn scene(source: Config) -> Scene {
    let scene = Scene::of(source, server(&[]));
    for folder in 0..5 {
        // UIDs of all folders are the same.
        (0..2).for_each(|n| _ = scene.from().deliver(&format!("F{folder}"), large(folder * 2 + n)));
    }
    scene
}

#[test]
fn large_bodies_of_many_folders_stay_apart_and_nobody_waits_for_ever() {
    for connections in ["1", "2", "3"] {
        let scene = scene(server(&[]));
        scene.ends(0, "copy", &["--connections", connections]);
        scene.agree();
    }
}

/// Listed as small they are asked for among others, on connections that all folders share. None waits for another until
/// the time is over, and what comes behind them moves with them.
#[test]
fn large_bodies_that_are_listed_as_small_ones_wait_for_nobody() {
    for connections in ["1", "2", "3"] {
        let scene = scene(server(&[Quirk::SizeLies(-8_900_000)]));
        for folder in 0..5 {
            (0..40).for_each(|n| _ = scene.from().deliver(&format!("F{folder}"), letter(n)));
            scene.from().deliver(&format!("F{folder}"), large(20 + folder));
        }
        let began = std::time::Instant::now();
        let told = scene.ends(0, "copy", &["--connections", connections]);
        println!("{connections} connections: {:?}", began.elapsed());
        assert!(looks_good(&told), "{told}");
        scene.agree();
    }
}
