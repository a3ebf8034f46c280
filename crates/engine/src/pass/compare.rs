//! Where header key and size do not tell: both bodies are read, and what a target is known to rewrite by itself
//! is told from what is wrong. Also finds the Message-IDs by which people search for what is named.

use std::{collections::HashMap, sync::Arc};

use futures_util::StreamExt;
use mailferry_model::{
    Kind, Result, Scope,
    caps::Fidelity,
    id::{ItemId, TargetId},
    item::{Body, Form, Stub, Trace},
    key::Digest,
    ledger::{Entry, FolderEntry},
    report::{Findings, Named},
};

use super::{
    reading::{persist, source_digests, source_traces, target_digests},
    shared::{Owed, Shared},
};
use crate::verify;

/// Bodies compared in one call.
const TOGETHER: usize = 256;

/// What is said where the target is not to blame, and where it is.
const AS_PUT: &str =
    "the target shows what the source gave when it was copied; the source gives something else now";
const NOT_AS_PUT: &str = "the target said OK and shows something else than was put";

/// What is said of an item, before its Message-ID is known.
pub(super) enum Said {
    /// Changed by the target or by a named repair.
    Rewritten(Entry, &'static str, String),
    /// Not there as it was put.
    Missing(Entry, &'static str, String),
    /// Moved, edited or deleted there by its user.
    Changed(Entry, &'static str, String),
}

/// Reads both bodies. What has the same, or a body that targets are known to make of it, is rewritten; all
/// other is missing.
pub(super) async fn bodies(
    shared: &Arc<Shared>,
    folder: &FolderEntry,
    ask: Vec<(Entry, TargetId)>,
    sizes: &HashMap<TargetId, u64>,
) -> Result<Vec<Said>> {
    let mut said = Vec::new();
    let Some(target) = folder.target.clone().filter(|_| !ask.is_empty()) else { return Ok(said) };
    for part in ask.chunks(TOGETHER) {
        let theirs: Vec<TargetId> = part.iter().map(|(_, id)| id.clone()).collect();
        let ours: Vec<ItemId> = part.iter().map(|(e, _)| e.id.clone()).collect();
        let (theirs, ours) = futures_util::try_join!(
            target_digests(shared, &target, &theirs),
            source_digests(shared, &folder.source, &ours)
        )?;
        for (((entry, id), there), here) in part.iter().zip(theirs).zip(ours) {
            let put = if entry.repair.is_some() { entry.digest } else { here.ok().or(entry.digest) };
            let same = put.is_some() && there.as_ref().ok() == put.as_ref();
            let unread = there.as_ref().err().filter(|e| e.kind() != Kind::NotFound).cloned();
            let as_put = entry.digest.is_some() && there.as_ref().ok() == entry.digest.as_ref();
            let verdict = match (same, entry.repair) {
                (true, Some(repair)) => Verdict::Rewritten("REPAIRED", verify::repair_words(repair)),
                (true, None) if sizes.get(id).is_some_and(|size| *size != entry.size) => {
                    Verdict::Rewritten("LINE_ENDS_REWRITTEN", "the target changed line ends".to_owned())
                }
                (true, None) => Verdict::Same,
                (false, _) if shared.sides.target.caps().fidelity == Fidelity::Rewritten => Verdict::Same,
                (false, _) => match there.ok() {
                    Some(there) => persist(shared, || known_rewrite(shared, folder, entry, there)).await?,
                    None => Verdict::Wrong,
                },
            };
            if let Verdict::Wrong = verdict {
                let (code, reason) = match unread {
                    Some(e) => ("ITEM_DIFFERS", format!("it cannot be read at the target: {}", e.context())),
                    None if as_put => ("SOURCE_DIFFERS", AS_PUT.to_owned()),
                    None => ("ITEM_DIFFERS", NOT_AS_PUT.to_owned()),
                };
                said.push(Said::Missing(entry.clone(), code, reason));
                continue;
            }
            let seen = Entry { seen: true, target: Some(id.clone()), ..entry.clone() };
            shared.record(seen, Some(entry)).await?;
            if let Verdict::Rewritten(code, words) = verdict {
                said.push(Said::Rewritten(entry.clone(), code, words));
            }
        }
    }
    Ok(said)
}

/// What reading both bodies tells.
enum Verdict {
    Same,
    Rewritten(&'static str, String),
    Wrong,
}

/// Whether the target holds what such targets are known to make of this body.
async fn known_rewrite(
    shared: &Shared,
    folder: &FolderEntry,
    entry: &Entry,
    there: Digest,
) -> Result<Verdict> {
    if entry.size > Body::IN_MEMORY {
        return Ok(Verdict::Wrong);
    }
    let stub: Stub = Owed::from_entry(entry).stub;
    let mut fetched = shared.sides.source.fetch(&folder.source, vec![stub], Form::Mime);
    let item = match fetched.next().await {
        Some((_, Ok(item))) => item,
        Some((_, Err(e))) if e.scope() > Scope::Folder => return Err(e),
        _ => return Ok(Verdict::Wrong),
    };
    let Body::Bytes(body) = item.body else { return Ok(Verdict::Wrong) };
    let rewrites = shared.sides.convert.rewrites(&body);
    let known = rewrites.into_iter().find(|(_, digest)| *digest == there);
    Ok(known.map_or(Verdict::Wrong, |(words, _)| Verdict::Rewritten("BYTES_REWRITTEN", words.to_owned())))
}

/// Puts what was said into the findings, with Message-IDs, which the source is asked for in one call.
pub(super) async fn tell(
    shared: &Shared,
    folder: &FolderEntry,
    said: Vec<Said>,
    findings: &mut Findings,
) -> Result<()> {
    if said.is_empty() {
        return Ok(());
    }
    let entry = |said: &Said| match said {
        Said::Rewritten(entry, ..) | Said::Missing(entry, ..) | Said::Changed(entry, ..) => entry.id.clone(),
    };
    let ids: Vec<ItemId> = said.iter().map(entry).collect();
    let traces: Vec<Trace<ItemId>> = match folder.gone {
        true => Vec::new(),
        false => source_traces(shared, &folder.source, Some(&ids)).await.unwrap_or_default(),
    };
    let known: HashMap<ItemId, String> =
        traces.into_iter().filter_map(|t| Some((t.id, t.message_id?.into()))).collect();
    for said in said {
        let (list, entry, code, reason): (&mut Vec<Named>, _, _, _) = match said {
            Said::Rewritten(entry, code, reason) => (&mut findings.rewritten, entry, code, reason),
            Said::Missing(entry, code, reason) => (&mut findings.missing, entry, code, reason),
            Said::Changed(entry, code, reason) => (&mut findings.changed_at_target, entry, code, reason),
        };
        let named = verify::named(folder, &entry, code, reason);
        list.push(Named { message_id: named.message_id.or_else(|| known.get(&entry.id).cloned()), ..named });
    }
    Ok(())
}
