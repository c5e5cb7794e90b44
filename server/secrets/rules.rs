//! Which secrets of a manager may be referred to, by whom, and where they may be sent.

use crate::proto::v1::SecretRule;

/// The rules of one secret manager.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<SecretRule>);

impl Rules {
    /// Those that a manager has.
    #[must_use]
    pub fn of(rules: &[SecretRule]) -> Self {
        Self(rules.to_vec())
    }

    /// Whether the secret, as its reference writes it, may be sent to the host, in the words of
    /// [`SecretRule::hosts`]. Where there is no rule, every one may.
    #[must_use]
    pub fn admits(&self, resource: &str, host: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|rule| is_about(rule, resource) && lets(rule, host))
    }

    /// Whether the secret may be sent to the host by rules that name one of the groups. A rule for groups that names no
    /// host admits none of them: who can choose the host can read the secret.
    #[must_use]
    pub fn admits_member(&self, resource: &str, host: &str, groups: &[String]) -> bool {
        self.0.iter().any(|rule| {
            rule.groups.iter().any(|group| groups.contains(group))
                && is_about(rule, resource)
                && !rule.hosts.is_empty()
                && lets(rule, host)
        })
    }

    /// Whether there is a host that the secret may be sent to; by the rules that name one of these groups, if any are given.
    #[must_use]
    pub fn know(&self, resource: &str, groups: Option<&[String]>) -> bool {
        let is_for = |rule: &SecretRule| match groups {
            None => true,
            Some(groups) => !rule.hosts.is_empty() && rule.groups.iter().any(|group| groups.contains(group)),
        };
        let is_free = groups.is_none() && self.0.is_empty();
        is_free || self.0.iter().any(|rule| is_for(rule) && is_about(rule, resource))
    }
}

/// Whether the secret lies below the rule's prefix, in whole parts.
fn is_about(rule: &SecretRule, resource: &str) -> bool {
    let ends = |text: &str| text.is_empty() || text.ends_with(['/', ':']);
    resource
        .strip_prefix(rule.prefix.as_str())
        .is_some_and(|rest| rest.is_empty() || ends(&rule.prefix) || rest.starts_with(['/', ':']))
}

fn lets(rule: &SecretRule, host: &str) -> bool {
    rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| fits(pattern, host))
}

/// Whether the host is the one that the pattern names, or below it.
fn fits(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    let (pattern_scheme, pattern) = scheme(&pattern);
    let (host_scheme, host) = scheme(&host);
    let below = |suffix: &str| {
        host.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.')).is_some_and(|rest| !rest.is_empty())
    };
    pattern_scheme == host_scheme && (pattern == host || pattern.strip_prefix("*.").is_some_and(below))
}

fn scheme(host: &str) -> (&str, &str) {
    host.split_once("://").unwrap_or(("https", host))
}

#[cfg(test)]
mod tests {
    use super::Rules;
    use crate::proto::v1::SecretRule;

    fn rules(prefix: &str, hosts: &[&str], groups: &[&str]) -> Rules {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Rules::of(&[SecretRule { prefix: prefix.into(), hosts: texts(hosts), groups: texts(groups) }])
    }

    #[test]
    fn without_rules_everything_is_admitted_but_for_members() {
        assert!(Rules::default().admits("vault:a", "example.com"));
        assert!(!Rules::default().admits_member("vault:a", "example.com", &["team".into()]));
    }

    #[test]
    fn a_prefix_ends_where_a_part_ends() {
        const CRN: &str = "crn:v1:bluemix:public:secrets-manager:us-south:a/12:34";
        let secret = format!("{CRN}:secret:56");
        for (prefix, resource, admitted) in [
            ("", "vault:team", true),
            ("vault:", "vault:team", true),
            ("vault", "vault:team", true),
            ("vault:team", "vault:team", true),
            ("vault:team", "vault:team/openai", true),
            ("vault:team/", "vault:team/openai", true),
            ("vault:team/", "vault:team", false),
            ("vault:team", "vault:teams", false),
            ("vault:team", "vault:team-b/openai", false),
            ("vault:team/openai", "vault:team", false),
            ("vault:team", "vault:Team", false),
            ("vault:team", "123:team", false),
            ("123", "123:openai", true),
            ("12", "123:openai", false),
            (CRN, &secret, true),
            (&CRN[..CRN.len() - 1], &secret, false),
        ] {
            assert_eq!(
                rules(prefix, &[], &[]).admits(resource, "example.com"),
                admitted,
                "{prefix} {resource}"
            );
        }
    }

    #[test]
    fn a_host_is_named_with_its_port_and_scheme_unless_it_is_plain_https() {
        for (pattern, host, admitted) in [
            ("api.example.com", "api.example.com", true),
            ("API.Example.com", "api.example.COM", true),
            ("api.example.com", "example.com", false),
            ("api.example.com", "x.api.example.com", false),
            ("api.example.com", "api.example.com.evil.example", false),
            ("api.example.com", "api.example.com.", false),
            ("api.example.com", "api.example.com:8443", false),
            ("api.example.com", "http://api.example.com", false),
            ("api.example.com:8443", "api.example.com:8443", true),
            ("http://10.0.0.1:8000", "http://10.0.0.1:8000", true),
            ("http://10.0.0.1:8000", "10.0.0.1:8000", false),
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "evilexample.com", false),
            ("*.example.com", "api.example.com:8443", false),
            ("*.example.com:8443", "api.example.com:8443", true),
            ("http://*.example.com", "http://api.example.com", true),
            ("http://*.example.com", "api.example.com", false),
        ] {
            assert_eq!(rules("", &[pattern], &[]).admits("vault:a", host), admitted, "{pattern} {host}");
        }
    }

    #[test]
    fn one_rule_must_admit_both_the_secret_and_the_host() {
        let both = Rules::of(&[
            SecretRule { prefix: "vault:a".into(), hosts: vec!["a.example".into()], ..SecretRule::default() },
            SecretRule { prefix: "vault:b".into(), hosts: vec!["b.example".into()], ..SecretRule::default() },
        ]);
        assert!(both.admits("vault:a", "a.example") && both.admits("vault:b/c", "b.example"));
        assert!(!both.admits("vault:a", "b.example") && !both.admits("vault:c", "a.example"));
    }

    #[test]
    fn a_member_is_admitted_by_the_rules_of_its_groups_only() {
        let team = rules("vault:team", &["a.example"], &["team", "ops"]);
        let groups = |name: &str| vec!["other".to_owned(), name.to_owned()];
        assert!(team.admits_member("vault:team/x", "a.example", &groups("ops")));
        for (resource, host, group) in [
            ("vault:team/x", "a.example", "teams"),
            ("vault:team/x", "a.example", "Team"),
            ("vault:team/x", "b.example", "team"),
            ("vault:other", "a.example", "team"),
        ] {
            assert!(!team.admits_member(resource, host, &groups(group)), "{resource} {host} {group}");
        }
        let of_nobody = rules("vault:team", &["a.example"], &[]);
        assert!(!of_nobody.admits_member("vault:team", "a.example", &groups("team")));
        let anywhere = rules("vault:team", &[], &["team"]);
        assert!(!anywhere.admits_member("vault:team", "a.example", &groups("team")));
    }

    #[test]
    fn a_secret_is_known_where_some_host_may_have_it() {
        let group = |name: &str| vec![name.to_owned()];
        let team = rules("vault:team", &["a.example"], &["team"]);
        assert!(team.know("vault:team/x", None) && team.know("vault:team/x", Some(&group("team"))));
        assert!(!team.know("vault:other", None) && !team.know("vault:team/x", Some(&group("other"))));
        assert!(!rules("vault:team", &[], &["team"]).know("vault:team", Some(&group("team"))));
        assert!(Rules::default().know("vault:a", None));
        assert!(!Rules::default().know("vault:a", Some(&group("team"))));
    }
}
