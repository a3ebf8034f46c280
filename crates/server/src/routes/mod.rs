//! The routes, a file for each noun. Who may use them is `access`'s to say.

mod acceptance;
mod account;
mod again;
mod approval;
mod audit;
mod batch;
mod channel;
mod code;
mod completion;
mod config;
mod domain;
mod endpoint;
mod endpoint_test;
mod event;
mod health;
mod item;
mod kind;
mod me;
mod message;
pub(crate) mod metric;
mod own_passwords;
mod planner;
mod readiness;
mod removing;
mod replace;
mod report;
mod rollback;
mod same;
mod scan;
pub(crate) mod session;
mod setup;
mod stall;
mod status;
mod token;
mod user;
mod verification;
mod work;

use axum::http::{StatusCode, Uri};
use mailferry_model::{audit::AuditEntry, words::unshown};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Context, problem::Problem};

pub use setup::fresh_setup_code;
pub(crate) use status::{Status, status_of};

/// The largest body that is read.
pub(crate) const LARGEST: usize = 24 << 20;

/// All of them, below the prefix.
pub(crate) fn all() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::version))
        .routes(routes!(health::openapi))
        .routes(routes!(status::status))
        .routes(routes!(metric::show))
        .routes(routes!(event::events))
        .routes(routes!(kind::list))
        .routes(routes!(kind::show))
        .routes(routes!(kind::guide))
        .routes(routes!(code::list))
        .routes(routes!(code::show))
        .routes(routes!(config::show, config::change))
        .routes(routes!(channel::list, channel::create))
        .routes(routes!(channel::show, channel::change, channel::remove))
        .routes(routes!(channel::test))
        .routes(routes!(channel::rotate))
        .routes(routes!(channel::deliveries))
        .routes(routes!(endpoint::list, endpoint::create))
        .routes(routes!(endpoint::show, endpoint::change::change, endpoint::remove))
        .routes(routes!(endpoint::last_test))
        .routes(routes!(endpoint_test::list, endpoint_test::order))
        .routes(routes!(endpoint_test::show))
        .routes(routes!(replace::replace))
        .routes(routes!(batch::list, batch::create))
        .routes(routes!(batch::show, batch::change::change, batch::remove))
        .routes(routes!(batch::report))
        .routes(routes!(report::file::file))
        .routes(routes!(completion::show))
        .routes(routes!(batch::users, batch::add::add))
        .routes(routes!(user::of_batch, user::change::change, user::change::remove))
        .routes(routes!(user::act::start))
        .routes(routes!(user::act::retry))
        .routes(routes!(user::act::sync))
        .routes(routes!(user::act::stop))
        .routes(routes!(user::act::complete))
        .routes(routes!(user::sign_off::sign_off))
        .routes(routes!(approval::of_user))
        .routes(routes!(approval::back_of_user))
        .routes(routes!(user::moving::into_batch))
        .routes(routes!(batch::act::start))
        .routes(routes!(batch::act::sync))
        .routes(routes!(batch::act::complete))
        .routes(routes!(batch::act::stop))
        .routes(routes!(approval::of_batch))
        .routes(routes!(approval::back_of_batch))
        .routes(routes!(verification::list, verification::order))
        .routes(routes!(verification::show, verification::remove))
        .routes(routes!(domain::list, domain::check))
        .routes(routes!(domain::show, domain::remove))
        .routes(routes!(scan::list, scan::order))
        .routes(routes!(scan::show, scan::remove))
        .routes(routes!(scan::mailboxes))
        .routes(routes!(planner::show))
        .routes(routes!(scan::stop))
        .routes(routes!(scan::resume))
        .routes(routes!(work::of_batch))
        .routes(routes!(work::list))
        .routes(routes!(user::list))
        .routes(routes!(stall::list))
        .routes(routes!(user::show))
        .routes(routes!(report::of_user))
        .routes(routes!(report::list))
        .routes(routes!(item::list))
        .routes(routes!(setup::show, setup::redeem))
        .routes(routes!(session::list, session::sign_in))
        .routes(routes!(session::sign_out))
        .routes(routes!(session::remove))
        .routes(routes!(me::show))
        .routes(routes!(me::password))
        .routes(routes!(me::begin_second_factor, me::confirm_second_factor, me::end_second_factor))
        .routes(routes!(token::list, token::create))
        .routes(routes!(token::remove))
        .routes(routes!(account::list, account::create))
        .routes(routes!(account::show, account::change, account::remove))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .merge(of_people())
}

/// What people say of a migration, and are told of it.
fn of_people() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(acceptance::of_user))
        .routes(routes!(acceptance::of_batch))
        .routes(routes!(readiness::list))
        .routes(routes!(readiness::tick))
        .routes(routes!(rollback::approve))
        .routes(routes!(message::list))
        .routes(routes!(message::show))
        .routes(routes!(message::write))
}

/// Everything else.
pub(crate) async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "REQUEST_NOT_FOUND", format!("There is nothing at {}.", uri.path()))
}

/// Who did what to what, for the audit trail: written together with what was done.
fn entry(context: &Context, action: &str, subject: String, change: Option<String>) -> AuditEntry {
    let at = context.clock.now();
    AuditEntry { at, actor: context.actor.clone(), action: action.to_owned(), subject, change }
}

/// Names that can be typed, shown and put into an address.
fn check_name(code: &str, name: &str) -> Result<(), Problem> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= 64
        && name == name.trim()
        && !name.contains('/')
        && unshown(name).is_none();
    match fits {
        true => Ok(()),
        false => Err(Problem::refused(code, format!("{name:?} cannot be a name."))),
    }
}
