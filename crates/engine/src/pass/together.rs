//! Work side by side whose results are read one by one.
//!
//! Each piece is a task of its own. A future that nobody polls while its neighbour's result is dealt with may hold
//! what that dealing waits for (a place in the queue of a lock, a connection); a task goes on whoever reads.

use futures_util::{Stream, StreamExt};
use mailferry_model::{Error, Result};
use tokio_util::task::AbortOnDropHandle;

/// The results of these, in order, at most `count` under way. Dropping the stream ends what is under way.
pub(super) fn together<T, F>(work: impl Stream<Item = F>, count: usize) -> impl Stream<Item = Result<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    work.map(|work| AbortOnDropHandle::new(tokio::spawn(work)))
        .buffered(count)
        .map(|ended| ended.unwrap_or_else(|e| Err(Error::bug("work together", e.to_string()))))
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::{TryStreamExt, stream};
    use tokio::sync::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_deals_with_a_result_may_wait_for_what_another_piece_holds() {
        let lock = Arc::new(Mutex::new(()));
        let work = (0..4_u64).map(|n| {
            let lock = lock.clone();
            async move {
                let _held = lock.lock().await;
                tokio::time::sleep(std::time::Duration::from_secs(n)).await;
                Ok(n)
            }
        });
        let mut results = pin!(together(stream::iter(work), 4));
        let mut seen = Vec::new();
        while let Ok(Some(n)) = results.try_next().await {
            drop(lock.lock().await);
            seen.push(n);
        }
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_so_many_at_once_and_none_after_the_reader_has_gone() {
        let running = Arc::new(AtomicUsize::new(0));
        let work = (0..100).map(|_| {
            let running = running.clone();
            async move {
                assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        });
        let mut results = Box::pin(together(stream::iter(work), 3));
        assert!(matches!(results.try_next().await, Ok(Some(()))));
        drop(results);
        let left = Arc::strong_count(&running);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&running), 1, "{left} before");
    }
}
