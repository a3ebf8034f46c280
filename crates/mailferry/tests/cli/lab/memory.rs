//! Large messages pass without being held.

use std::{process::Stdio, time::Duration};

use super::scene::{Scene, looks_good};

const MIB: u64 = 1 << 20;

/// The most that a process held so far.
fn peak_kib(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_message_of_100_mb_and_four_of_19_fit_into_100_mib() {
    let scene = Scene::with(&[], &[]).letters(20);
    scene.from().fill("Large", 1, 100 * MIB, 1);
    scene.from().fill("Large", 4, 19 * MIB, 2);
    let words = scene.words("copy", &[]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut child = scene.ferry.command(&words).stdout(Stdio::piped()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_kib(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("at most {:.1} MiB resident", peak as f64 / 1024.0);
    assert!(looks_good(&told), "{told}");
    let sizes = |side: mailferry_lab::imap::Snapshot| -> Vec<_> {
        let mut large: Vec<_> = side["Large"].iter().map(|m| (m.body.size(), m.body.is_grown())).collect();
        large.sort_unstable();
        large
    };
    assert_eq!(sizes(scene.from().snapshot()), sizes(scene.to().snapshot()));
    assert!((1..=100 * 1024).contains(&peak), "{peak} KiB");
}
