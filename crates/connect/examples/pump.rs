//! Copies one mailbox by the ports alone, keeping no books: what the connectors can do at best.
//!
//! `pump SOURCE TARGET PASSWORD-FILE [LANES [CONNECTIONS]]`, accounts as URLs. Prints one JSON object. Not a tool to
//! migrate with: nothing is looked for, nothing is resumed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::BoxFuture, stream};
use mailferry_connect::registry;
use mailferry_model::{
    Side,
    cancel::Cancel,
    folder::{Folder, FolderSpec, Namespace},
    item::{Body, Change, Form, Item},
    port::{Budget, BudgetGuard, Clock, Connector, Cx, Meter, Outcome, Put, Source, Target},
    secret::Secret,
};

struct Wall(Instant);

impl Clock for Wall {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }
}

struct Semaphore(Arc<tokio::sync::Semaphore>);

impl Budget for Semaphore {
    fn take(&self, bytes: u64) -> BoxFuture<'_, BudgetGuard> {
        let permits = (bytes / 1024).clamp(1, 32 << 10) as u32;
        Box::pin(async move {
            let permit = self.0.clone().acquire_many_owned(permits).await.ok();
            BudgetGuard::new(move || drop(permit))
        })
    }
}

struct Silent;

impl Meter for Silent {
    fn throttled(&self, side: Side, wait: Duration, evidence: &str) {
        eprintln!("{side:?} asks to wait {wait:?}: {evidence}");
    }
    fn moved(&self, _: Side, _: u64) {}
    fn admit(&self, _: u64) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[derive(Default)]
struct Counts {
    placed: AtomicU64,
    bytes: AtomicU64,
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, password, rest @ ..] = &args[..] else { return Err("SOURCE TARGET PASSWORD-FILE".into()) };
    let number = |at: usize| rest.get(at).and_then(|n| n.parse::<u16>().ok());
    let password = Secret::new(std::fs::read_to_string(password)?.trim().to_owned());
    let began = Instant::now();
    let cx = Cx {
        cancel: Cancel::default(),
        clock: Arc::new(Wall(began)),
        budget: Arc::new(Semaphore(Arc::new(tokio::sync::Semaphore::new(32 << 10)))),
        meter: Arc::new(Silent),
        side: Side::Source,
        connections: number(1).unwrap_or(3),
        put_timeout: Duration::from_secs(60),
    };
    let ((connector, settings, mut who), (connector2, settings2, mut who2)) = (find(from)?, find(to)?);
    (who.password, who2.password) = (Some(password.clone()), Some(password));
    let (source, target) =
        tokio::join!(connector.source(&cx, &settings, &who), connector2.target(&cx, &settings2, &who2));
    let (source, target) = (source?, target?);
    let (folders, there) = tokio::join!(source.folders(), target.folders());
    let (folders, there) = (folders?, there?);
    let mine: Vec<&Folder> =
        folders.iter().filter(|f| f.selectable && f.namespace == Namespace::Personal).collect();
    let counts = Counts::default();
    let ids: Vec<_> = stream::iter(&mine)
        .map(|f| {
            let known = there.iter().find(|t| t.path == f.path).map(|t| t.id.clone());
            let (target, spec) = (&target, FolderSpec { path: f.path.clone(), role: f.role });
            async move {
                match known {
                    Some(id) => Ok(id),
                    None => target.ensure_folder(&spec).await.map(|e| e.id),
                }
            }
        })
        .buffered(64)
        .collect()
        .await;
    let lanes = stream::iter(mine.iter().zip(ids))
        .map(|(folder, id)| lane(&cx, &*source, &*target, folder, id, &counts))
        .buffer_unordered(usize::from(number(0).unwrap_or(3)));
    let failed: Vec<String> =
        lanes.filter_map(async |r: Result<(), Failure>| r.err().map(|e| e.to_string())).collect().await;
    source.close().await?;
    target.close().await?;
    let seconds = began.elapsed().as_secs_f64();
    let (placed, bytes) = (counts.placed.load(Ordering::SeqCst), counts.bytes.load(Ordering::SeqCst));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: Vec<f64> = stat.split(' ').skip(13).take(2).filter_map(|t| t.parse().ok()).collect();
    println!(
        "{{\"seconds\":{seconds:.2},\"messages\":{placed},\"megabytes\":{:.1},\"messages_per_s\":{:.0},\"cpu_s\":{:.2},\"user_s\":{:.2},\"peak\":\"{peak}\",\"failed\":{failed:?}}}",
        bytes as f64 / 1e6,
        placed as f64 / seconds,
        ticks.iter().sum::<f64>() / 100.0,
        ticks.first().unwrap_or(&0.0) / 100.0
    );
    Ok(())
}

type Found =
    (Arc<dyn Connector>, mailferry_model::settings::Settings, mailferry_model::settings::MailboxAddress);

fn find(url: &str) -> Result<Found, Failure> {
    let scheme = url.split(':').next().unwrap_or_default();
    let connector = registry().into_iter().find(|c| c.manifest().schemes.contains(&scheme));
    let connector = connector.ok_or("unknown scheme")?;
    let (settings, who) = connector.account_of_url(url)?;
    Ok((connector, settings, who))
}

async fn lane(
    cx: &Cx,
    source: &dyn Source,
    target: &dyn Target,
    folder: &Folder,
    to: mailferry_model::Result<mailferry_model::id::FolderId>,
    counts: &Counts,
) -> Result<(), Failure> {
    let to = to?;
    let (mut cursor, mut stubs) = (None, Vec::new());
    loop {
        let page = source.changes(&folder.id, cursor.as_ref()).await?;
        stubs.extend(page.changes.into_iter().filter_map(|c| match c {
            Change::Upsert(stub) => Some(stub),
            _ => None,
        }));
        cursor = Some(page.next);
        if !page.more {
            break;
        }
    }
    let mut batches: Vec<Vec<_>> = Vec::new();
    let mut bytes = 0;
    for stub in stubs {
        let alone = stub.size > Body::IN_MEMORY;
        if batches.is_empty()
            || alone
            || bytes + stub.size > 4 << 20
            || batches[batches.len() - 1].len() >= 256
        {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += if alone { 1 << 40 } else { stub.size };
        batches.last_mut().into_iter().for_each(|b| b.push(stub.clone()));
    }
    let mut fetched = stream::iter(batches)
        .map(|batch| async {
            let bytes = batch.iter().map(|s| s.size.min(Body::IN_MEMORY)).sum();
            let hold = Arc::new(cx.budget.take(bytes).await);
            source.fetch(&folder.id, batch, Form::Mime).map(move |f| (f, hold.clone())).boxed()
        })
        .buffered(2)
        .flatten()
        .boxed();
    let mut group: Vec<Put> = Vec::new();
    let mut holds = Vec::new();
    let (mut octets, caps) = (0, target.caps());
    let mut puts = stream::FuturesUnordered::new();
    loop {
        // A group that waits for memory which other groups hold would wait for ever: it goes before the wait.
        let ready = futures_util::FutureExt::now_or_never(fetched.next());
        if ready.is_none() && puts.is_empty() && !group.is_empty() {
            octets = 0;
            puts.push(put(target, &to, std::mem::take(&mut group), std::mem::take(&mut holds), counts));
        }
        let next = match ready {
            Some(next) => next,
            None => loop {
                tokio::select! {
                    next = fetched.next() => break next,
                    Some(done) = puts.next(), if !puts.is_empty() => {
                        done?;
                        if puts.is_empty() && !group.is_empty() {
                            octets = 0;
                            puts.push(put(target, &to, std::mem::take(&mut group), std::mem::take(&mut holds), counts));
                        }
                    }
                }
            },
        };
        let flush = match &next {
            Some(((_, Ok(item)), _)) => {
                group.len() >= caps.group_items
                    || octets + item.body.size() > caps.group_bytes.min(4 << 20)
                    || matches!(item.body, Body::Stream { .. })
            }
            _ => true,
        };
        if flush && !group.is_empty() {
            octets = 0;
            puts.push(put(target, &to, std::mem::take(&mut group), std::mem::take(&mut holds), counts));
            if puts.len() >= 2 {
                puts.next().await.transpose()?;
            }
        }
        let Some(((_, item), hold)) = next else { break };
        let item: Item = item?;
        octets += item.body.size();
        let alone = matches!(item.body, Body::Stream { .. });
        counts.bytes.fetch_add(item.body.size(), Ordering::SeqCst);
        group.push(Put::Item(item));
        holds.push(hold);
        if alone {
            octets = 0;
            put(target, &to, std::mem::take(&mut group), std::mem::take(&mut holds), counts).await?;
        }
    }
    while let Some(done) = puts.next().await {
        done?;
    }
    Ok(())
}

async fn put(
    target: &dyn Target,
    to: &mailferry_model::id::FolderId,
    group: Vec<Put>,
    holds: Vec<Arc<BudgetGuard>>,
    counts: &Counts,
) -> Result<(), Failure> {
    let outcomes = target.put(to, group).await;
    drop(holds);
    for outcome in outcomes {
        match outcome {
            Outcome::Placed(_) => _ = counts.placed.fetch_add(1, Ordering::SeqCst),
            Outcome::Refused(e) | Outcome::Unsure(e) => eprintln!("{e:?}"),
        }
    }
    Ok(())
}
