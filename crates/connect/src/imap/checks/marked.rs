//! The message that a test puts into a target's mailbox, and what becomes of it.
//!
//! It is known by its Message-ID, so that it is found where the server does not say where it put it. Without UIDPLUS
//! nothing is expunged: what others have marked would go with it.

use mailferry_model::{Error, Result, port::Cx};
use mailferry_wire::imap::{
    AppendForm, AppendMessage, Capability, Command, Flag, MailboxName, Payload, SearchKey, SequenceSet,
    StoreAction, UidSet,
};

use crate::imap::{
    client::{
        classify::{Op, classify},
        conn::Conn,
        look::found,
        pipe::{Ask, Wants},
    },
    target::appended,
};

/// What is left of it.
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// The server refuses to remove it.
    Refused(Error),
    /// It could not be removed, for this reason.
    Stays(&'static str),
}

/// Appends it and removes it again; UIDs below `next` were there before.
///
/// # Errors
/// It is not taken.
pub(super) async fn put(cx: &Cx, conn: &Conn, next: Option<u32>) -> Result<Left> {
    let id = format!("<test-{}@mailferry.invalid>", cx.clock.now().as_nanosecond());
    let by_uid = conn.caps().has(Capability::UidPlus);
    let uids = match append(cx, conn, &id).await? {
        Some(uids) if by_uid => uids,
        _ => match find(cx, conn, &id).await {
            Ok(uids) => uids,
            Err(error) => return Ok(Left::Refused(error)),
        },
    };
    // A server that finds more than was looked for does not make other messages ours.
    let ours = |uid: u32| next.is_some_and(|next| uid >= next);
    if uids.iter().count() != 1 || !uids.iter().all(ours) {
        return Ok(Left::Stays("the server does not say where it put it, and does not find it"));
    }
    remove(cx, conn, &(&uids).into(), by_uid).await
}

/// The UID, where the server tells it.
async fn append(cx: &Cx, conn: &Conn, id: &str) -> Result<Option<UidSet>> {
    let text = format!(
        "From: mailferry test <test@mailferry.invalid>\r\nSubject: mailferry test, may be deleted\r\n\
         Message-ID: {id}\r\n\r\nA test of this mailbox as a target.\r\n"
    );
    let body = Payload::Bytes(bytes::Bytes::from(text.into_bytes()));
    let message = AppendMessage { flags: vec![Flag::Seen], date: None, form: AppendForm::Plain, body };
    let command = Command::append(&MailboxName::inbox(), [message]);
    let answers = conn.send(Ask::of(command, Wants::Nothing));
    let (_, status) = answers.all().await.map_err(|lost| lost.error)?;
    match status.is_ok() {
        true => Ok(appended(&status, 1).map(|(_, uids)| UidSet::from_iter(uids))),
        false => Err(classify(cx.side, Op::Append, &status)),
    }
}

/// Looks for it, once the server has told what is new.
async fn find(cx: &Cx, conn: &Conn, id: &str) -> Result<UidSet> {
    let key = SearchKey::Header("Message-ID".to_owned(), id.to_owned());
    let noop = Ask::of(Command::noop(), Wants::Nothing);
    let search = Ask::of(Command::uid_search(&[key], &[]), Wants::Search);
    let (_, answers) = conn.send_in(&MailboxName::inbox(), [noop, search]);
    let mut uids = UidSet::empty();
    for answers in answers {
        let (replies, status) = answers.all().await.map_err(|lost| lost.error)?;
        if !status.is_ok() {
            return Err(classify(cx.side, Op::Read, &status));
        }
        found(replies).ranges().iter().for_each(|(from, to)| uids.insert_range(*from, *to));
    }
    Ok(uids)
}

async fn remove(cx: &Cx, conn: &Conn, set: &SequenceSet, by_uid: bool) -> Result<Left> {
    let store = Command::uid_store(set, StoreAction::Add, &[Flag::Deleted], None);
    let expunge = by_uid.then(|| Command::uid_expunge(set));
    let asks = [store].into_iter().chain(expunge).map(|command| Ask::of(command, Wants::Nothing));
    for answers in conn.send_in(&MailboxName::inbox(), asks).1 {
        if let Err(error) = answers.done(cx.side, Op::Edit).await {
            return Ok(Left::Refused(error));
        }
    }
    Ok(if by_uid { Left::Nothing } else { Left::Stays("it is marked as deleted; the server has no UIDPLUS") })
}
