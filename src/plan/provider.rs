//! Who answers: the provider, its model, its server, its key.

use std::time::Duration;

use super::key::later;
use super::models::{Catalogue, Model};
use super::origin::Origin;
use super::resolve::{Inputs, Purpose};
use super::settings::Settings;
use super::{ProviderChoice, value};
use crate::llm::preset::Preset;

/// The model of the embedded rules.
pub const RULES: &str = "rules-2";

/// The provider of dataflows that ask nothing.
const NOBODY: &str = "none";

/// Answers of thousands of tokens take minutes on slow servers; cheaper service tiers are slower still.
const TIMEOUT: Duration = Duration::from_mins(10);
const FLEX_TIMEOUT: Duration = Duration::from_mins(15);

/// What was decided of provider and model.
pub(super) struct Choice {
    /// No model: the rules, or nobody at all.
    pub(super) rules: bool,
    /// Nothing is asked.
    pub(super) nobody: bool,
    pub(super) model: String,
    pub(super) known: Option<Model>,
}

fn provider_name(settings: &mut Settings) -> Option<(bool, Origin)> {
    let (name, origin) = settings.get("extract.provider", value::word)?;
    match name.as_str() {
        "rules" => return Some((true, origin)),
        "openai" => return Some((false, origin)),
        other => {
            let why = later(other).map_or_else(
                || format!("{other:?} is no provider; known: rules, openai, none"),
                str::to_owned,
            );
            settings.wrong("extract.provider", why);
        }
    }
    None
}

/// Provider and model: the model implies the provider, and of two that differ the later word holds.
pub(super) fn choose(settings: &mut Settings, catalogue: &Catalogue) -> Choice {
    if let Some((name, origin)) = settings.get("extract.provider", value::word)
        && name == NOBODY
    {
        if settings.origin("extract.model") != Origin::Default {
            let why = "is of no use: this dataflow asks nothing (extract.provider = \"none\")";
            settings.wrong("extract.model", why);
        }
        settings.took("extract.provider", NOBODY, origin);
        return Choice {
            rules: true,
            nobody: true,
            model: NOBODY.to_owned(),
            known: None,
        };
    }
    let provider = provider_name(settings);
    let model = settings.get("extract.model", value::word);
    let wants_rules = |model: &str| model == RULES;
    let (rules, model, origins) = match (provider, model) {
        (None, None) => (true, RULES.to_owned(), (Origin::Default, Origin::Default)),
        (None, Some((model, origin))) => {
            let implied = Origin::Derived(format!("implied by the model ({origin})").into());
            (wants_rules(&model), model, (implied, origin))
        }
        (Some((true, origin)), None) => (true, RULES.to_owned(), (origin, Origin::Default)),
        (Some((rules, origin)), Some((model, by))) if rules == wants_rules(&model) => {
            (rules, model, (origin, by))
        }
        // The provider is the later word, and rules have but one model.
        (Some((true, origin)), Some((_, by))) if origin.rank() > by.rank() => {
            (true, RULES.to_owned(), (origin, Origin::Default))
        }
        (Some((rules, origin)), Some((model, by))) if by.rank() > origin.rank() => {
            let implied = Origin::Derived(format!("implied by the model ({by})").into());
            (!rules, model, (implied, by))
        }
        (Some((true, origin)), Some((model, by))) => {
            settings.wrong(
                "extract.provider",
                format!("is rules, but extract.model is {model:?}"),
            );
            (true, model, (origin, by))
        }
        (Some((false, origin)), _) => {
            settings.wrong(
                "extract.model",
                "is missing: provider openai needs a model (--model NAME)",
            );
            (false, String::new(), (origin, Origin::Default))
        }
    };
    let name = if rules { "rules" } else { "openai" };
    settings.took("extract.provider", name, origins.0);
    settings.took("extract.model", model.clone(), origins.1);
    let known = catalogue.find(&model).cloned();
    Choice {
        rules,
        nobody: false,
        model,
        known,
    }
}

/// Whether the host of a URL is this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or("must begin with https:// or http://")?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if rest.starts_with('/') || rest.is_empty() || url.contains(odd) {
        return Err("is not a URL");
    }
    if rest.contains('@') {
        return Err("holds a user name or a password, which would end up in logs");
    }
    if rest.contains(['?', '#']) {
        return Err("must end before the query");
    }
    Ok(())
}

/// The server of provider `openai`.
pub(super) fn server(
    settings: &mut Settings,
    inputs: &Inputs,
    choice: &Choice,
    flex: bool,
) -> ProviderChoice {
    if choice.rules {
        for key in ["llm.preset", "llm.base_url", "limit.tier"] {
            if let Origin::Flag(flag) = settings.origin(key) {
                settings.wrong(key, format!("{flag} needs a model: --model NAME"));
            }
        }
        if inputs.key.is_some()
            && !choice.nobody
            && settings.origin("extract.provider") == Origin::Default
        {
            settings.note(
                "a key is set but no model is named: running with rules (--model NAME asks a model)",
            );
        }
        return if choice.nobody {
            ProviderChoice::Nobody
        } else {
            ProviderChoice::Rules
        };
    }
    let url = settings.get("llm.base_url", value::word);
    let read_preset = |given: &super::origin::Given| {
        let name = value::word(given)?;
        Preset::parse(&name).ok_or_else(|| {
            let names: Vec<&str> = Preset::ALL.iter().map(|preset| preset.name()).collect();
            format!("{name:?} is no preset; known: {}", names.join(", "))
        })
    };
    // Another server than OpenAI's takes the fields of most servers, unless it says what it is.
    let guess = match &url {
        Some((url, _)) if !url.starts_with("https://api.openai.com") => Preset::Compatible,
        _ => Preset::OpenAi,
    };
    let preset = settings.or("llm.preset", guess, read_preset, |preset| {
        preset.name().to_owned()
    });
    let (url, origin) = match (url, preset.base_url()) {
        (Some(given), _) => given,
        (None, Some(url)) => (url.to_owned(), Origin::Default),
        (None, None) => {
            settings.wrong(
                "llm.base_url",
                "is missing: preset compatible needs --base-url URL",
            );
            (String::new(), Origin::Default)
        }
    };
    let base_url = url.trim_end_matches('/').to_owned();
    if !base_url.is_empty()
        && let Err(why) = check_url(&base_url)
    {
        settings.wrong("llm.base_url", why);
    }
    // What is wrong with the URL may be a secret in it.
    let shown = if base_url.contains('@') {
        "***"
    } else {
        &base_url
    };
    settings.took("llm.base_url", shown, origin.clone());
    let usual = if flex { FLEX_TIMEOUT } else { TIMEOUT };
    let timeout = settings.or("llm.timeout", usual, value::duration, |time| {
        value::show_duration(*time)
    });
    let key = key(settings, inputs, &base_url, preset, &origin);
    ProviderChoice::OpenAi {
        base_url,
        preset,
        key,
        timeout,
    }
}

/// The key, where it may go: to OpenAI, or where the person who holds the key points with the same hand. A
/// `weir.toml` may have come with a folder from elsewhere, and a server on this machine wants none.
fn key(
    settings: &mut Settings,
    inputs: &Inputs,
    url: &str,
    preset: Preset,
    origin: &Origin,
) -> Option<crate::secret::Secret> {
    let openai = url == "https://api.openai.com/v1";
    let pointed = matches!(origin, Origin::Flag(_) | Origin::Environment(_));
    let Some((key, from)) = &inputs.key else {
        if openai && inputs.purpose == Purpose::Run {
            settings.wrong("llm.key", format!("{url} needs a key: set OPENAI_API_KEY"));
        }
        settings.took("llm.key", "none", Origin::Default);
        return None;
    };
    if !openai && !pointed {
        let why = format!(
            "not sent: {from} goes to OpenAI, or where --base-url or OPENAI_BASE_URL points"
        );
        if !is_loopback(url) || preset == Preset::Compatible {
            settings.note(format!("the key is {why}"));
        }
        settings.took("llm.key", why, Origin::Default);
        return None;
    }
    if url.starts_with("http://") && !is_loopback(url) {
        settings.note("the key goes over an unencrypted connection (http://)");
    }
    settings.took("llm.key", "***", Origin::Environment(from));
    Some(key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, fine) in [
            ("https://api.openai.com/v1", true),
            ("http://127.0.0.1:11434/v1", true),
            ("ftp://a/v1", false),
            ("https://", false),
            ("https:///v1", false),
            ("https://user:pass@a/v1", false),
            ("https://a/v1?key=1", false),
            ("https://a b/v1", false),
        ] {
            assert_eq!(check_url(url).is_ok(), fine, "{url}");
        }
        for (url, here) in [
            ("http://localhost:1/v1", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9:80/v1", true),
            ("http://[::1]:8080/v1", true),
            ("http://127.0.0.1.evil.example/v1", false),
            ("https://localhost.evil.example/v1", false),
            ("https://api.openai.com/v1", false),
        ] {
            assert_eq!(is_loopback(url), here, "{url}");
        }
    }
}
