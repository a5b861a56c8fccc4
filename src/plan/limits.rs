//! What the server allows and what it costs, as far as anybody said.

use std::collections::BTreeMap;

use super::error::Problem;
use super::key::later;
use super::models::{Model, Tier};
use super::origin::{Given, Origin};
use super::provider::Choice;
use super::settings::Settings;
use super::{ProviderChoice, value};
use crate::limit::Limits;
use crate::llm::preset::Preset;
use crate::model::price::Price;

/// Rules wait for nothing: their limits only keep the arithmetic finite.
const UNLIMITED: u64 = 1_000_000_000;

/// Batches that rules work on at once: enough for the processors, and no more, for each holds its texts and answers.
const RULES: usize = 8;

fn unlimited() -> Limits {
    Limits {
        requests_per_minute: UNLIMITED,
        tokens_per_minute: UNLIMITED * 1_000,
        requests_per_day: None,
        ..Limits::default()
    }
}

/// What a kind of server takes if nobody says otherwise, and how many calls it works on at once.
fn usual(preset: Preset) -> (Limits, &'static str) {
    let local = |in_flight| Limits {
        in_flight,
        ..unlimited()
    };
    match preset {
        // One call at a time unless configured; a few more keep it from waiting for the next.
        Preset::Ollama | Preset::LlamaCpp | Preset::LmStudio => {
            (local(4), "default of a local server")
        }
        // It works on all calls together: a hundred in flight keep it full.
        Preset::Vllm => (local(100), "default of vllm"),
        Preset::OpenAi | Preset::Compatible => (Limits::default(), "default"),
    }
}

/// What the server allows: by key, else by tier, else by the kind of server.
pub(super) fn limits(settings: &mut Settings, choice: &Choice, server: &ProviderChoice) -> Limits {
    let ProviderChoice::OpenAi { preset, .. } = server else {
        return Limits {
            in_flight: RULES,
            ..unlimited()
        };
    };
    let (mut limits, why) = usual(*preset);
    let mut origin = Origin::Default;
    if why != "default" {
        origin = Origin::Derived(why.into());
    }
    let own = settings.below("limits", &choice.model);
    let own = own.into_iter().collect::<BTreeMap<_, _>>();
    let count = |given: &Given| value::count(given, 1, value::MOST);
    let tier = |given: &Given| value::count(given, 1, 99);
    let tier = said(settings, &own, ("limit.tier", tier), ("tier", tier));
    let published = tier.and_then(|(tier, from)| {
        let found = published(settings, choice, tier);
        settings.took("limit.tier", tier.to_string(), from);
        origin = Origin::Derived(format!("published for tier {tier}").into());
        found
    });
    if let Some(tier) = published {
        limits.requests_per_minute = tier.requests.unwrap_or(limits.requests_per_minute);
        limits.tokens_per_minute = tier.tokens.unwrap_or(limits.tokens_per_minute);
        limits.requests_per_day = tier.daily_requests;
    }
    let mut rate = |key: &str, name: &str, usual: u64| {
        let given = said(settings, &own, (key, value::rate), (name, count));
        let (rate, from) = given.unwrap_or((usual, origin.clone()));
        let shown = if rate >= UNLIMITED {
            "none".to_owned()
        } else {
            format!("{rate}/min")
        };
        settings.took(key, shown, from);
        rate
    };
    limits.requests_per_minute = rate(
        "limit.requests",
        "requests_per_minute",
        limits.requests_per_minute,
    );
    limits.tokens_per_minute = rate(
        "limit.tokens",
        "tokens_per_minute",
        limits.tokens_per_minute,
    );
    let key = ("limit.daily_requests", value::daily as Read);
    let daily = said(settings, &own, key, ("requests_per_day", count));
    let (daily, from) = match daily {
        Some((daily, from)) => (Some(daily), from),
        None => (limits.requests_per_day, origin.clone()),
    };
    limits.requests_per_day = daily;
    let shown = daily.map_or_else(|| "none".to_owned(), |daily| format!("{daily}/day"));
    settings.took("limit.daily_requests", shown, from);
    let flying = |given: &Given| value::count(given, 1, 10_000);
    let key = ("limit.in_flight", flying as Read);
    let in_flight = said(settings, &own, key, ("in_flight", flying));
    let (in_flight, from) = in_flight.unwrap_or((limits.in_flight as u64, Origin::Default));
    settings.took("limit.in_flight", in_flight.to_string(), from);
    limits.in_flight = usize::try_from(in_flight).unwrap_or(limits.in_flight);
    let defaults = Limits::default();
    if origin == Origin::Default && limits == defaults {
        settings.note(format!(
            "limits are low by default: {} requests and {} tokens a minute; your account may allow more \
             (--requests-per-minute, --tokens-per-minute, or --tier)",
            defaults.requests_per_minute, defaults.tokens_per_minute
        ));
    }
    limits
}

/// Reads one limit.
type Read = fn(&Given) -> value::Wanted<u64>;

/// What is said of a limit: by whoever runs it now, else of this model, else in general.
fn said(
    settings: &mut Settings,
    own: &BTreeMap<String, Given>,
    (key, read): (&str, Read),
    (name, read_own): (&str, Read),
) -> Option<(u64, Origin)> {
    let general = settings.get(key, read);
    let now = |(_, from): &(u64, Origin)| matches!(from, Origin::Flag(_) | Origin::Environment(_));
    let Some(given) = own.get(name).filter(|_| !general.as_ref().is_some_and(now)) else {
        return general;
    };
    match read_own(given) {
        Ok(value) => Some((value, given.origin.clone())),
        Err(message) => {
            let (key, origin) = (given.key.to_string(), given.origin.clone());
            settings.problems.push(Problem::of(&key, origin, message));
            None
        }
    }
}

fn published(settings: &mut Settings, choice: &Choice, tier: u64) -> Option<Tier> {
    let tiers = choice.known.as_ref().map(|model| &model.tiers);
    if let Some(found) = tiers.and_then(|tiers| tiers.get(&tier)) {
        return Some(*found);
    }
    let by_hand = ["limit.requests", "limit.tokens"]
        .iter()
        .all(|key| settings.origin(key) != Origin::Default);
    if !by_hand {
        let known: Vec<String> = tiers
            .into_iter()
            .flat_map(|tiers| tiers.keys().map(u64::to_string))
            .collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        settings.wrong(
            "limit.tier",
            format!(
                "no limits of {:?} in tier {tier} are known (tiers known: {known}): give --requests-per-minute and \
                 --tokens-per-minute",
                choice.model
            ),
        );
    }
    None
}

/// What Ollama gives a model if nobody says otherwise; longer prompts lose their beginning in silence.
const OLLAMA_CONTEXT: u64 = 4096;

/// The most tokens of a prompt, as far as is known.
pub(super) fn context(
    settings: &mut Settings,
    choice: &Choice,
    server: &ProviderChoice,
) -> Option<u64> {
    let known = choice.known.as_ref().and_then(|model| model.context);
    let ollama = matches!(
        server,
        ProviderChoice::OpenAi {
            preset: Preset::Ollama,
            ..
        }
    );
    if known.is_none() && ollama {
        settings.note(format!(
            "a context of {OLLAMA_CONTEXT} tokens is taken for granted, as ollama does; models.{:?}.context in \
             weir.toml says otherwise",
            choice.model
        ));
        return Some(OLLAMA_CONTEXT);
    }
    known
}

/// The price, if it is known. The list of one server says nothing of a local one.
pub(super) fn price(
    settings: &mut Settings,
    choice: &Choice,
    server: &ProviderChoice,
) -> Option<Price> {
    let ProviderChoice::OpenAi {
        base_url, preset, ..
    } = server
    else {
        return Some(Price::per_million(0.0, None, 0.0));
    };
    let listed = matches!(preset, Preset::OpenAi | Preset::Compatible);
    let model = choice.known.as_ref().filter(|model| listed || model.own);
    if let Some(model) = model.filter(|model| model.input.is_some() != model.output.is_some()) {
        let missing = if model.input.is_some() {
            "output"
        } else {
            "input"
        };
        settings.problems.push(Problem::new(format!(
            "models.{:?}: has a price for one side only; {missing} is missing",
            choice.model
        )));
    }
    let price = model.and_then(Model::price);
    let (shown, origin) = match (model, price) {
        (Some(model), Some(price)) => {
            let [input, cached, output] =
                [price.input, price.cached, price.output].map(|nano| nano / 1e3);
            let from = match (&model.read, model.own) {
                (_, true) => "your catalogue".to_owned(),
                (Some(day), _) => format!("catalogue, read {day}"),
                (None, _) => "catalogue".to_owned(),
            };
            (
                format!("${input} in, ${cached} cached, ${output} out"),
                Origin::Derived(from.into()),
            )
        }
        _ => ("unknown".to_owned(), Origin::Default),
    };
    settings.took("price", shown, origin);
    if choice.known.is_none() && base_url == "https://api.openai.com/v1" {
        if choice.model.starts_with("claude")
            && let Some(why) = later("anthropic")
        {
            settings.wrong("extract.model", why);
        } else {
            settings.note(format!(
                "{:?} is not in the catalogue: the server decides whether it exists, and its price is unknown",
                choice.model
            ));
        }
    }
    price
}
