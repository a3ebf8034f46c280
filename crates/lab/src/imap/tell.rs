//! Answers to FETCH, item by item; large bodies leave in pieces.

use bytes::Bytes;
use mailferry_wire::imap::{Data, FetchItem, Flag};

use super::{
    body::PIECE,
    quirk::Quirk,
    section::{self, Octets},
    session::{Enabled, Session, delay},
    store::Message,
    verdict::End,
};

/// A message that is told.
pub(super) struct Told<'a> {
    pub(super) number: usize,
    pub(super) uid: u32,
    pub(super) message: &'a Message,
}

impl Session {
    /// One answer; how many octets wait to be sent.
    pub(super) async fn tell_message(&mut self, told: &Told<'_>, items: &[FetchItem]) -> Result<u64, End> {
        if items.is_empty() {
            return Ok(0);
        }
        let mut pending = 100;
        self.out.text(format_args!("* {} FETCH (", told.number));
        // A second answer must say whose it is.
        let repeat = !items.contains(&FetchItem::Uid) && self.shared.quirks.has(&Quirk::FetchInTwoAnswers);
        if repeat {
            self.out.text(format_args!("UID {} ", told.uid));
        }
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.text(" ");
            }
            pending += self.tell_item(told, item).await?;
        }
        self.out.text(")").end();
        Ok(pending)
    }

    async fn tell_item(&mut self, told: &Told<'_>, item: &FetchItem) -> Result<u64, End> {
        let message = told.message;
        match item {
            FetchItem::Uid => _ = self.out.text(format_args!("UID {}", told.uid)),
            FetchItem::Flags => {
                let flags: Vec<Flag> = message.flags.iter().cloned().collect();
                self.out.text("FLAGS ").flags(&flags);
            }
            FetchItem::InternalDate => _ = self.out.text(format_args!("INTERNALDATE \"{}\"", message.date)),
            FetchItem::SaveDate => _ = self.out.text(format_args!("SAVEDATE \"{}\"", message.date)),
            FetchItem::Size => {
                let off = self.shared.quirks.find(|quirk| match quirk {
                    Quirk::SizeLies(off) => Some(*off),
                    _ => None,
                });
                let size = message.body.size().saturating_add_signed(off.unwrap_or(0));
                self.out.text(format_args!("RFC822.SIZE {size}"));
            }
            FetchItem::ModSeq => _ = self.out.text(format_args!("MODSEQ ({})", message.mod_seq)),
            FetchItem::EmailId => _ = self.out.text(format_args!("EMAILID (E{})", message.email_id)),
            FetchItem::Rfc822 => return self.tell_section(message, "RFC822", "", None).await,
            FetchItem::Rfc822Header => {
                return self.tell_section(message, "RFC822.HEADER", "HEADER", None).await;
            }
            FetchItem::Rfc822Text => return self.tell_section(message, "RFC822.TEXT", "TEXT", None).await,
            FetchItem::Section(section) => {
                let origin = section.partial.map(|(first, _)| format!("<{first}>")).unwrap_or_default();
                let name = format!("BODY[{}]{origin}", section.part);
                return self.tell_section(message, &name, &section.part, section.partial).await;
            }
            // Left out by `check_items`.
            _ => {}
        }
        Ok(0)
    }

    async fn tell_section(
        &mut self,
        message: &Message,
        name: &str,
        part: &str,
        partial: Option<(u64, u64)>,
    ) -> Result<u64, End> {
        self.out.text(format_args!("{name} "));
        let is_head = part.to_ascii_uppercase().starts_with("HEADER");
        if !is_head {
            self.count_body();
            let wait = delay(&self.shared, |quirk| match quirk {
                Quirk::BodyTakes(wait) => Some(*wait),
                _ => None,
            });
            if !wait.is_zero() {
                self.flush().await?;
                self.conn.pass_time(wait).await;
            }
            let nil = self.shared.quirks.occasion(|quirk| match quirk {
                Quirk::NilBody(nth) => Some((*nth, ())),
                _ => None,
            });
            if nil.is_some() {
                self.out.nstring(&Data::Nil);
                return Ok(3);
            }
        }
        let cut = |size: u64| match partial {
            Some((first, count)) => first.min(size)..first.saturating_add(count).min(size),
            None => 0..size,
        };
        match section::find(&message.body, part) {
            None => _ = self.out.nstring(&Data::Nil),
            Some(Octets::Picked(octets)) => {
                let range = cut(octets.len() as u64);
                self.out.literal(octets.slice(range.start as usize..range.end as usize));
            }
            Some(Octets::Piece(range)) => {
                let within = cut(range.end - range.start);
                let mut range = range.start + within.start..range.start + within.end;
                if !is_head && self.cuts_body() {
                    range.end -= (range.end - range.start) / 2;
                }
                let breaks = !is_head && self.breaks_in_body();
                return self.send_piece(message, range, breaks.then_some(End::Cut)).await;
            }
        }
        Ok(0)
    }

    fn cuts_body(&self) -> bool {
        let cuts = self.shared.quirks.occasion(|quirk| match quirk {
            Quirk::CutsBody(nth) => Some((*nth, ())),
            _ => None,
        });
        cuts.is_some()
    }

    fn breaks_in_body(&self) -> bool {
        let breaks = self.shared.quirks.occasion(|quirk| match quirk {
            Quirk::BreaksInBody(nth) => Some((*nth, ())),
            _ => None,
        });
        breaks.is_some()
    }

    /// A literal; with an `end` only half of it, and then that.
    async fn send_piece(
        &mut self,
        message: &Message,
        range: std::ops::Range<u64>,
        end: Option<End>,
    ) -> Result<u64, End> {
        let size = range.end - range.start;
        if size <= PIECE && end.is_none() {
            self.out.literal(message.body.read(range));
            return Ok(size);
        }
        self.out.nstring(&Data::Streamed { size });
        self.flush().await?;
        let stop = if end.is_some() { range.start + size / 2 } else { range.end };
        let mut at = range.start;
        while at < stop && !self.conn.gone {
            let next = (at + PIECE).min(stop);
            let piece: Bytes = message.body.read(at..next);
            self.conn.write(&[piece]).await?;
            at = next;
        }
        end.map_or(Ok(0), Err)
    }

    /// What nobody asked for.
    pub(super) fn chatter(&mut self, uid: u32) {
        let talks = self.shared.quirks.occasion(|quirk| match quirk {
            Quirk::Chatter(nth) => Some((*nth, ())),
            _ => None,
        });
        let others = self.with_mailbox(|mailbox, selected| {
            let other = selected.view.iter().find(|other| **other != uid)?;
            Some((selected.number(*other), mailbox.messages.get(other)?.clone()))
        });
        let Some(selected) = self.selected.as_ref().filter(|_| talks.is_some()) else { return };
        let count = selected.view.len();
        if let Some((number, message)) = others.flatten() {
            let flags: Vec<Flag> = message.flags.into_iter().collect();
            self.out.text(format_args!("* {number} FETCH (FLAGS ")).flags(&flags).text(")").end();
        }
        self.out.untagged("OK Still here");
        if self.enabled == Enabled::QResync {
            self.out.untagged(format_args!("{count} EXISTS"));
        } else {
            self.out.untagged(format_args!("{} EXISTS", count + 1));
            self.out.untagged(format_args!("{} EXPUNGE", count + 1));
        }
    }
}
