//! Bodies that are streamed: each goes to its own folder, however few connections carry them.

use mailferry_lab::imap::{Config, Letter};

use super::scene::{Scene, server};

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
