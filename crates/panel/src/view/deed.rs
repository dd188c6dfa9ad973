//! An audit entry in plain words: who did what to what, and how it went. The act's own name stands smaller beside them.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::text::EN;

/// Somebody or something by name, with a way there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// What it is called.
    pub(crate) words: String,
    /// Where it is shown; empty where there is no page, or not for this person.
    pub(crate) href: String,
    /// What the log itself calls it.
    pub(crate) exact: String,
}

/// How an act ended, as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was asked for; another entry says what came of it.
    Asked,
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// It was refused.
    Denied,
}

impl Ending {
    /// The tone of its badge.
    pub(crate) const fn tone(self) -> &'static str {
        match self {
            Self::Asked => "",
            Self::Done => "ok",
            Self::Failed => "bad",
            Self::Denied => "warn",
        }
    }

    /// Its badge, where the end is not what one expects.
    fn badge(self) -> Option<&'static str> {
        match self {
            Self::Asked | Self::Done => None,
            Self::Failed => Some(EN.result_failure),
            Self::Denied => Some(EN.result_denied),
        }
    }
}

/// The sentence.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/deed.html")]
pub(crate) struct Deed {
    /// Who.
    pub(crate) who: Named,
    /// What they did.
    pub(crate) what: String,
    /// To what, where that is not said yet.
    pub(crate) on: Option<Named>,
    /// What else is worth a glance.
    pub(crate) note: String,
    /// The act's name in the catalogue.
    pub(crate) action: String,
    /// How it ended.
    pub(crate) ending: Ending,
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for Deed {}

/// What was done, in words that follow a name and precede another; the act's own name where it has none.
pub(crate) fn phrase(action: &str, ending: Ending) -> String {
    let Some((done, to_do)) = words(action) else {
        return action.to_owned();
    };
    match (ending, to_do) {
        (Ending::Done, _) | (_, "") => done.to_owned(),
        (Ending::Asked, _) => EN.deed_asked(to_do),
        (Ending::Failed, _) => EN.deed_failed(to_do),
        (Ending::Denied, _) => EN.deed_denied(to_do),
    }
}

/// An act as what was done and as what to do; the second is empty for what the house itself notes of others.
fn words(action: &str) -> Option<(&'static str, &'static str)> {
    server_words(action)
        .or_else(|| node_words(action))
        .or_else(|| people_words(action))
        .or_else(|| house_words(action))
}

fn server_words(action: &str) -> Option<(&'static str, &'static str)> {
    Some(match action {
        "server.list" => (EN.did_server_list, EN.do_server_list),
        "server.show" | "node.show" | "user.show" => (EN.did_show, EN.do_show),
        "server.console.read" => (EN.did_console_read, EN.do_console_read),
        "server.create" => (EN.did_server_create, EN.do_server_create),
        "server.start" => (EN.did_server_start, EN.do_server_start),
        "server.stop" => (EN.did_server_stop, EN.do_server_stop),
        "server.restart" => (EN.did_server_restart, EN.do_server_restart),
        "server.remove" => (EN.did_server_remove, EN.do_server_remove),
        "server.console.send" => (EN.did_console_send, EN.do_console_send),
        "server.report" => (EN.did_server_report, ""),
        _ => return None,
    })
}

fn node_words(action: &str) -> Option<(&'static str, &'static str)> {
    Some(match action {
        "node.list" => (EN.did_node_list, EN.do_node_list),
        "node.heartbeat" => (EN.did_heartbeat, EN.do_heartbeat),
        "node.ping" => (EN.did_node_ping, EN.do_node_ping),
        "node.register" => (EN.did_node_register, EN.do_node_register),
        "node.restart" => (EN.did_node_restart, EN.do_node_restart),
        "node.shut_down" => (EN.did_node_shut_down, EN.do_node_shut_down),
        "node.metrics" => (EN.did_node_metrics, EN.do_node_metrics),
        "operation.show" => (EN.did_operation_show, EN.do_operation_show),
        "operation.cancel" => (EN.did_operation_cancel, EN.do_operation_cancel),
        "node.revoke" => (EN.did_node_revoke, EN.do_node_revoke),
        "node.purge" => (EN.did_node_purge, EN.do_node_purge),
        "node.join.list" => (EN.did_join_list, EN.do_join_list),
        "node.join.check" => (EN.did_join_check, EN.do_join_check),
        "node.join.request" => (EN.did_join_request, EN.do_join_request),
        "node.join.approve" => (EN.did_join_approve, EN.do_join_approve),
        "node.join.admit" => (EN.did_join_admit, EN.do_join_admit),
        "node.join.reject" => (EN.did_join_reject, EN.do_join_reject),
        "node.join.hand_over" => (EN.did_hand_over, EN.do_hand_over),
        "node.join_token.list" => (EN.did_join_token_list, EN.do_join_token_list),
        "node.join_token.create" => (EN.did_join_token_create, EN.do_join_token_create),
        "node.join_token.revoke" => (EN.did_join_token_revoke, EN.do_join_token_revoke),
        "cluster.show" => (EN.did_cluster_show, EN.do_cluster_show),
        "cluster.see_role" => (EN.did_see_role, EN.do_see_role),
        _ => return None,
    })
}

fn people_words(action: &str) -> Option<(&'static str, &'static str)> {
    Some(match action {
        "user.see_self" => (EN.did_see_self, EN.do_see_self),
        "user.list" => (EN.did_user_list, EN.do_user_list),
        "user.invite" => (EN.did_user_invite, EN.do_user_invite),
        "user.accept_invitation" => (EN.did_invitation_accept, EN.do_invitation_accept),
        "user.offer_reset" => (EN.did_reset_offer, EN.do_reset_offer),
        "user.reset_by_link" => (EN.did_reset_by_link, EN.do_reset_by_link),
        "user.change_email" => (EN.did_email_change, EN.do_email_change),
        "user.confirm_email" => (EN.did_email_confirm, EN.do_email_confirm),
        "session.ask_for_link" => (EN.did_ask_for_link, EN.do_ask_for_link),
        "session.list" => (EN.did_session_list, EN.do_session_list),
        "session.end" => (EN.did_session_end, EN.do_session_end),
        "user.create" => (EN.did_user_create, EN.do_user_create),
        "user.change" => (EN.did_user_change, EN.do_user_change),
        "user.export" => (EN.did_user_export, EN.do_user_export),
        "user.erase" => (EN.did_user_erase, EN.do_user_erase),
        "user.reset_password" => (EN.did_password_reset, EN.do_password_reset),
        "user.change_password" => (EN.did_password_change, EN.do_password_change),
        "token.list" => (EN.did_token_list, EN.do_token_list),
        "token.create" => (EN.did_token_create, EN.do_token_create),
        "token.revoke" => (EN.did_token_revoke, EN.do_token_revoke),
        "session.sign_in" | "session.fail" => (EN.did_sign_in, EN.do_sign_in),
        "session.sign_out" => (EN.did_sign_out, EN.do_sign_out),
        "session.cookie_reused" => (EN.did_cookie_reused, EN.do_cookie_reused),
        "session.refresh" => (EN.did_refresh, EN.do_refresh),
        "session.refresh_reused" => (EN.did_refresh_reused, EN.do_refresh_reused),
        "session.second_factor" => (EN.did_second_factor, EN.do_second_factor),
        "factor.add" => (EN.did_factor_add, EN.do_factor_add),
        "factor.ask" => (EN.did_factor_ask, EN.do_factor_ask),
        "factor.suspect_clone" => (EN.did_suspect_clone, EN.do_suspect_clone),
        "factor.remove" => (EN.did_factor_remove, EN.do_factor_remove),
        "factor.recovery_codes" => (EN.did_recovery_codes, EN.do_recovery_codes),
        "user.reset_factors" => (EN.did_factors_reset, EN.do_factors_reset),
        "user.admit" => (EN.did_admit, EN.do_admit),
        "identity.tie" => (EN.did_tie, EN.do_tie),
        "identity.untie" => (EN.did_untie, EN.do_untie),
        "session.step_up" => (EN.did_step_up, EN.do_step_up),
        "session.activity" => (EN.did_stay, EN.do_stay),
        _ => return None,
    })
}

fn house_words(action: &str) -> Option<(&'static str, &'static str)> {
    Some(match action {
        "ban.list" => (EN.did_ban_list, EN.do_ban_list),
        "ban.create" => (EN.did_ban_create, EN.do_ban_create),
        "decoy.list" => (EN.did_decoy_list, EN.do_decoy_list),
        "decoy.create" => (EN.did_decoy_create, EN.do_decoy_create),
        "decoy.remove" => (EN.did_decoy_remove, EN.do_decoy_remove),
        "decoy.touch" => (EN.did_decoy_touch, EN.do_decoy_touch),
        "lockout.list" => (EN.did_lockout_list, EN.do_lockout_list),
        "role.list" => (EN.did_role_list, EN.do_role_list),
        "role.create" => (EN.did_role_create, EN.do_role_create),
        "role.change" => (EN.did_role_change, EN.do_role_change),
        "role.remove" => (EN.did_role_remove, EN.do_role_remove),
        "grant.list" => (EN.did_grant_list, EN.do_grant_list),
        "grant.give" => (EN.did_grant_give, EN.do_grant_give),
        "grant.take" => (EN.did_grant_take, EN.do_grant_take),
        "group.list" => (EN.did_group_list, EN.do_group_list),
        "group.create" => (EN.did_group_create, EN.do_group_create),
        "group.rename" => (EN.did_group_rename, EN.do_group_rename),
        "group.remove" => (EN.did_group_remove, EN.do_group_remove),
        "group.add_member" => (EN.did_group_add, EN.do_group_add),
        "group.remove_member" => (EN.did_group_drop, EN.do_group_drop),
        "group.give" => (EN.did_group_give, EN.do_group_give),
        "group.take" => (EN.did_group_take, EN.do_group_take),
        "decision.explain" => (EN.did_decision_explain, EN.do_decision_explain),
        "lock.list" => (EN.did_lock_list, EN.do_lock_list),
        "lock.create" => (EN.did_lock_create, EN.do_lock_create),
        "lock.lift" => (EN.did_lock_lift, EN.do_lock_lift),
        "lockout.lift" => (EN.did_lockout_lift, EN.do_lockout_lift),
        "ban.lift" => (EN.did_ban_lift, EN.do_ban_lift),
        "ban.confirm" => (EN.did_ban_confirm, EN.do_ban_confirm),
        "fail2ban.list" => (EN.did_fail2ban_list, EN.do_fail2ban_list),
        "fail2ban.lift" => (EN.did_fail2ban_lift, EN.do_fail2ban_lift),
        "ban.impose" => (EN.did_ban_impose, ""),
        "audit.read" => (EN.did_audit_read, EN.do_audit_read),
        "audit.verify" => (EN.did_audit_verify, EN.do_audit_verify),
        "audit.export" => (EN.did_audit_export, EN.do_audit_export),
        "node.unfence" => (EN.did_node_unfence, EN.do_node_unfence),
        "node.fence" => (EN.did_node_fence, ""),
        "node.renew_certificate" => (EN.did_certificate_renew, ""),
        "cluster.ca.rotate" => (EN.did_ca_rotate, EN.do_ca_rotate),
        "key.rotate" => (EN.did_key_rotate, EN.do_key_rotate),
        "cluster.secret.rotate" => (EN.did_secret_rotate, EN.do_secret_rotate),
        "host.repair_role" => (EN.did_repair_role, EN.do_repair_role),
        "host.set_up" => (EN.did_set_up, EN.do_set_up),
        "host.look_around" => (EN.did_look_around, EN.do_look_around),
        "host.report_violation" => (EN.did_report_violation, EN.do_report_violation),
        "host.examine" => (EN.did_examine, EN.do_examine),
        "mail.show" => (EN.did_mail_show, EN.do_mail_show),
        "mail.test" => (EN.did_mail_test, EN.do_mail_test),
        "mail.close" => (EN.did_mail_close, EN.do_mail_close),
        "host.listen" => (EN.did_listen, EN.do_listen),
        "host.keep_house" => (EN.did_keep_house, EN.do_keep_house),
        "access.refused" => (EN.did_refuse, ""),
        "shield.refused" => (EN.did_turn_away, ""),
        "shield.inspected" => (EN.did_inspect, ""),
        "host.trouble" => (EN.did_find_trouble, ""),
        "host.recovered" => (EN.did_recover, ""),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use watchroom_policy::act;

    use super::*;

    #[test]
    fn every_act_of_the_catalogue_has_words() {
        for spec in act::ALL {
            assert!(words(spec.name).is_some(), "{} has no words", spec.name);
        }
    }

    #[test]
    fn the_words_say_how_it_ended() {
        let endings = [Ending::Done, Ending::Asked, Ending::Failed, Ending::Denied];
        let said = endings.map(|ending| phrase("server.start", ending));
        assert_eq!(
            said,
            [
                "started",
                "asked to start",
                "failed to start",
                "was not allowed to start"
            ]
        );
        assert_eq!(phrase("session.fail", Ending::Failed), "failed to sign in");
        assert_eq!(phrase("shield.refused", Ending::Denied), "turned requests away");
        assert_eq!(phrase("nets.open", Ending::Done), "nets.open");
    }
}
