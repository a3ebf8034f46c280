//! What is written for one state of a thing and finds another is judged and written again: workers change batches and
//! users all the time.

use mailferry_model::{Kind, Result as Done};

use crate::problem::Problem;

/// So often it is tried.
const TRIES: usize = 8;

/// Tries until what is written fits what is there.
///
/// # Errors
/// What the store or the judgement says; `OWN_CONFLICT` if `subject` changes each time.
pub(super) async fn until_it_fits<T, F>(subject: &str, mut once: impl FnMut() -> F) -> Result<T, Problem>
where
    F: Future<Output = Done<Result<T, Problem>>>,
{
    for _ in 0..TRIES {
        match once().await {
            Err(error) if error.kind() == Kind::Conflict => {}
            Err(error) => return Err(error.into()),
            Ok(answer) => return answer,
        }
    }
    Err(Problem::conflict("OWN_CONFLICT", format!("{subject} changes all the time; try again.")))
}
