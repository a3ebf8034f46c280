//! Signing in: capabilities, STARTTLS, LOGIN and AUTHENTICATE, for oneself or as a master for somebody else.

use std::sync::Arc;

use bytes::Bytes;
use mailferry_wire::imap::{Capability, Condition, base64, parse_bearer, parse_plain};

use super::{
    config::{LoginRule, Security},
    quirk::Quirk,
    session::{Seat, Session},
    verdict::{End, Then, Verdict},
};

impl Session {
    /// What is announced now.
    pub(super) fn capabilities(&self) -> String {
        let config = &self.shared.config;
        let mut names: Vec<String> = config.abilities.names().map(str::to_owned).collect();
        if let Some(limit) = config.append_limit {
            names.push(format!("APPENDLIMIT={limit}"));
        }
        names.extend(self.shared.quirks.find(|quirk| match quirk {
            Quirk::MessageLimit(limit) => Some(format!("MESSAGELIMIT={limit}")),
            _ => None,
        }));
        if self.seat.is_none() {
            if config.security == Security::StartTls && !self.conn.is_tls() {
                names.push("STARTTLS".to_owned());
            }
            if !self.takes_login() {
                names.push("LOGINDISABLED".to_owned());
            }
            if self.takes_authenticate() {
                names.extend(config.mechanisms.iter().map(|name| format!("AUTH={name}")));
            }
        }
        names.join(" ")
    }

    fn takes_login(&self) -> bool {
        match self.shared.config.login {
            LoginRule::Anywhere => true,
            LoginRule::WithTls => self.conn.is_tls(),
            LoginRule::Never => false,
        }
    }

    fn takes_authenticate(&self) -> bool {
        self.shared.config.login != LoginRule::WithTls || self.conn.is_tls()
    }

    /// STARTTLS; the handshake follows the answer.
    pub(super) fn start_tls(&mut self) -> Verdict {
        let offered = self.shared.config.security == Security::StartTls && !self.conn.is_tls();
        if !offered || self.seat.is_some() {
            return Verdict::bad("TLS is not to be had now");
        }
        Verdict::ok("Begin TLS negotiation now").and_then(Then::TlsHandshake)
    }

    /// The handshake.
    pub(super) async fn begin_tls(&mut self) -> Result<(), End> {
        self.flush().await?;
        let shared = Arc::clone(&self.shared);
        match &shared.identity {
            Some(identity) => self.conn.upgrade(&identity.acceptor).await,
            None => Err(End::Closed),
        }
    }

    /// LOGIN
    pub(super) fn login(&mut self, user: &[u8], password: &[u8]) -> Verdict {
        if !self.takes_login() {
            self.shared.log.violation("LOGIN: although LOGINDISABLED".to_owned());
            return Verdict::no("PRIVACYREQUIRED", "LOGIN is disabled");
        }
        let (user, password) = (String::from_utf8_lossy(user), String::from_utf8_lossy(password));
        self.sign_in("", &user, &password)
    }

    /// AUTHENTICATE
    pub(super) async fn authenticate(
        &mut self,
        mechanism: &str,
        initial: Option<Bytes>,
    ) -> Result<Verdict, End> {
        let offered = self.shared.config.mechanisms.iter().any(|name| name == mechanism);
        if !offered || !self.takes_authenticate() {
            return Ok(Verdict::no("CANNOT", "Mechanism is not offered"));
        }
        if initial.is_some() && !self.has(Capability::SaslIr) {
            return Ok(self.unknown("AUTHENTICATE with an initial response"));
        }
        if mechanism == "LOGIN" {
            return self.authenticate_login().await;
        }
        let response = match initial {
            Some(response) => response,
            None => {
                self.out.proceed("");
                self.take_line().await?
            }
        };
        if response[..] == *b"*" {
            return Ok(Verdict::bad("Cancelled"));
        }
        if mechanism == "PLAIN" {
            return Ok(match parse_plain(&response) {
                Some(plain) => self.sign_in(&plain.authorize_as, &plain.user, &plain.password),
                None => Verdict::bad("Not a PLAIN response"),
            });
        }
        let Some((user, token)) = parse_bearer(&response) else {
            return Ok(Verdict::bad("Not a bearer response"));
        };
        let known = self.shared.store().accounts.get(&user).is_some_and(|a| a.tokens.contains(&token));
        if known {
            return Ok(self.take_seat(user));
        }
        self.shared.log.wrong_password(&user);
        // RFC 7628 §3.2.2: the client sends something back before it gets its NO.
        let trouble = r#"{"status":"invalid_token","schemes":"bearer","scope":"https://mail.example/"}"#;
        self.out.proceed(&base64::encode(trouble.as_bytes()));
        self.take_line().await?;
        Ok(Verdict::no("AUTHENTICATIONFAILED", "Invalid credentials (Failure)"))
    }

    async fn authenticate_login(&mut self) -> Result<Verdict, End> {
        let mut said = Vec::new();
        for prompt in ["Username:", "Password:"] {
            self.out.proceed(&base64::encode(prompt.as_bytes()));
            let line = self.take_line().await?;
            let Some(text) = base64::decode(&line) else { return Ok(Verdict::bad("Cancelled")) };
            said.push(String::from_utf8_lossy(&text).into_owned());
        }
        Ok(self.sign_in("", &said[0], &said[1]))
    }

    /// Signs in with a password; `as_user` is an authorisation id, or empty.
    fn sign_in(&mut self, as_user: &str, user: &str, password: &str) -> Verdict {
        let config = &self.shared.config;
        let is_master = |name: &str| config.masters.iter().any(|(n, p)| n == name && p == password);
        let split = user.rsplit_once(config.master_separator);
        let target = if !as_user.is_empty() && as_user != user {
            is_master(user).then_some(as_user)
        } else if let Some((target, _)) = split.filter(|(_, master)| is_master(master)) {
            Some(target)
        } else {
            let store = self.shared.store();
            let account = store.accounts.get(user);
            let right = account.is_some_and(|a| !a.password.is_empty() && a.password == password);
            right.then_some(user)
        };
        match target {
            Some(target) if self.shared.store().accounts.contains_key(target) => {
                let target = target.to_owned();
                self.take_seat(target)
            }
            Some(_) => Verdict::no("AUTHORIZATIONFAILED", "No such user"),
            None => {
                self.shared.log.wrong_password(user);
                Verdict::no("AUTHENTICATIONFAILED", "Authentication failed.")
            }
        }
    }

    fn take_seat(&mut self, user: String) -> Verdict {
        if self.seat.is_some() {
            return Verdict::bad("Signed in already");
        }
        let most = self.shared.quirks.find(|quirk| match quirk {
            Quirk::MaxConnections(most, words) => Some((*most, *words)),
            _ => None,
        });
        if let Some(account) = self.shared.store().accounts.get_mut(&user) {
            if let Some((_, words)) = most.filter(|(most, _)| account.connections >= *most) {
                let (_, code, text) = words.answer(std::time::Duration::ZERO);
                return Verdict::create(Condition::No, code, text);
            }
            account.connections += 1;
        }
        self.seat = Some(Seat { shared: Arc::clone(&self.shared), user });
        Verdict::ok_with(format!("CAPABILITY {}", self.capabilities()), "Logged in")
    }
}
