//! A notice as a request that its receiver can check, as Standard Webhooks has it. Opens no connection.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use mailferry_model::{channel::Delivery, secret::Secret};
use serde_json::json;
use sha2::Sha256;

use crate::net::http::Question;

/// The request, with a signature for each key. `None` if a key cannot be read, or there is none.
pub(super) fn question<'a, 'k>(
    path: &'a str,
    delivery: &Delivery,
    keys: impl Iterator<Item = &'k Secret<String>>,
    now: Timestamp,
) -> Option<Question<'a>> {
    let notice = &delivery.notice;
    let mut data = notice.data.clone();
    data["title"] = notice.title.clone().into();
    let body = json!({ "type": notice.event, "timestamp": notice.at, "data": data }).to_string();
    let (id, at) = (delivery.id.to_string(), now.as_second().to_string());
    let signed = format!("{id}.{at}.{body}");
    let signatures: Vec<String> = keys.map(|key| signature(key, &signed)).collect::<Option<_>>()?;
    if signatures.is_empty() {
        return None;
    }
    let question = Question::post(path, "application/json", body);
    let question = question.with("webhook-id", id).with("webhook-timestamp", at);
    Some(question.with("webhook-signature", signatures.join(" ")))
}

fn signature(key: &Secret<String>, signed: &str) -> Option<String> {
    let key = STANDARD.decode(key.expose().strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(signed.as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use mailferry_model::{
        Error,
        id::{ChannelId, DeliveryId},
        notice::Notice,
    };

    use super::*;

    #[test]
    fn a_signature_is_over_id_time_and_body() {
        // The example of the specification's own libraries, whose answer they publish.
        let key = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let told = signature(&key, signed).unwrap();
        assert_eq!(told, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(signature(&Secret::from("no key"), signed), None);
    }

    #[test]
    fn each_try_has_one_id_and_while_keys_change_two_signatures() {
        let keys = [Secret::from("whsec_AAAA"), Secret::from("whsec_BBBB")];
        let (id, channel) = ids();
        let notice = Notice::test("ops", Timestamp::UNIX_EPOCH);
        let one = Delivery::of(id, channel, notice, Timestamp::UNIX_EPOCH);
        let header = |delivery: &Delivery, name: &str| {
            let asked = question("/x", delivery, keys.iter(), Timestamp::UNIX_EPOCH).unwrap();
            asked.headers.into_iter().find(|(n, _)| *n == name).unwrap().1
        };
        assert_eq!(header(&one, "webhook-signature").split(' ').count(), 2);
        let again = one.clone().tried(Err(Error::bug("send notice", "HTTP 500")), Timestamp::UNIX_EPOCH);
        assert_eq!(header(&one, "webhook-id"), header(&again, "webhook-id"));
        assert!(question("/x", &one, [].into_iter(), Timestamp::UNIX_EPOCH).is_none(), "never unsigned");
    }

    fn ids() -> (DeliveryId, ChannelId) {
        const TEXT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
        (TEXT.parse().unwrap(), TEXT.parse().unwrap())
    }
}
