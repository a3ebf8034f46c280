//! A notice as an Adaptive Card 1.4, in the envelope that workflows of Microsoft Teams take. Opens no connection.

use mailferry_model::notice::Notice;
use serde_json::{Value, json};

use super::facts;

/// The message. It is text of ours and names of endpoints and batches; Teams shows no markup in facts.
pub(super) fn card(notice: &Notice) -> String {
    let facts: Vec<Value> =
        facts::of(notice).into_iter().map(|(name, value)| json!({ "title": name, "value": value })).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    { "type": "TextBlock", "text": notice.title, "weight": "Bolder", "wrap": true },
                    { "type": "FactSet", "facts": facts },
                ],
            },
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_notice_is_one_card_with_its_facts() {
        let notice = Notice {
            event: "batch.completed".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            title: "w: Completed".to_owned(),
            data: json!({ "batch": "w", "failed": 2, "failures": { "SIGN_IN_REFUSED": 2 }, "code": null }),
        };
        let card: Value = serde_json::from_str(&card(&notice)).unwrap();
        let content = &card["attachments"][0]["content"];
        assert_eq!((&card["type"], &content["version"]), (&json!("message"), &json!("1.4")));
        assert_eq!(content["body"][0]["text"], "w: Completed");
        let facts = content["body"][1]["facts"].as_array().unwrap();
        assert_eq!(facts.len(), 4, "what is null is no fact: {facts:?}");
        assert!(facts.contains(&json!({ "title": "failures", "value": "SIGN_IN_REFUSED: 2" })), "{facts:?}");
    }
}
