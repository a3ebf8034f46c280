//! The contract of `Answers`.

use mailferry_model::{
    account::{Answer, KeptAnswer},
    port::Store,
};

use super::{Outcome, said, same, samples, sentences};

sentences! { "answer":
    a_request_is_begun_once_and_its_answer_is_kept,
    what_is_forgotten_may_be_begun_again,
}

async fn a_request_is_begun_once_and_its_answer_is_kept(store: &dyn Store) -> Outcome {
    let (key, request) = ([1; 32], [2; 32]);
    let begin = async |request| store.begin_answer(key, request, samples::time(1)).await.map_err(said);
    same!(begin(request).await?, None, "the first");
    same!(begin([3; 32]).await?, Some(KeptAnswer { request, answer: None }), "while it is carried out");
    let headers = vec![("etag".to_owned(), "\"1\"".to_owned())];
    let answer = Answer { status: 201, headers, body: "ü\0".to_owned() };
    store.keep_answer(key, &answer).await.map_err(said)?;
    let kept = KeptAnswer { request, answer: Some(answer) };
    same!(begin(request).await?, Some(kept), "afterwards");
    Ok(())
}

async fn what_is_forgotten_may_be_begun_again(store: &dyn Store) -> Outcome {
    let begin = async |n: u8, at| store.begin_answer([n; 32], [0; 32], samples::time(at)).await.map_err(said);
    begin(1, 1).await?;
    begin(2, 9).await?;
    store.forget_answers(samples::time(5)).await.map_err(said)?;
    same!(begin(1, 1).await?, None, "an old one");
    same!(begin(2, 9).await?.is_some(), true, "a young one");
    store.forget_answer([2; 32]).await.map_err(said)?;
    same!(begin(2, 9).await?, None, "one by its key");
    Ok(())
}
