//! What the server allows and what it costs, as far as anybody said.

use super::key::later;
use super::models::{Model, Tier};
use super::origin::Origin;
use super::provider::Choice;
use super::settings::Settings;
use super::{ProviderChoice, value};
use crate::limit::Limits;
use crate::llm::preset::Preset;
use crate::model::price::Price;

/// Rules wait for nothing: their limits only keep the arithmetic finite.
const UNLIMITED: u64 = 1_000_000_000;

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
        return unlimited();
    };
    let (mut limits, why) = usual(*preset);
    let mut origin = Origin::Default;
    if why != "default" {
        origin = Origin::Derived(why.into());
    }
    let tier = settings.get("limit.tier", |given| value::count(given, 1, 99));
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
    let mut rate = |key: &str, usual: u64| {
        let (rate, from) = settings
            .get(key, value::rate)
            .unwrap_or((usual, origin.clone()));
        let shown = if rate >= UNLIMITED {
            "none".to_owned()
        } else {
            format!("{rate}/min")
        };
        settings.took(key, shown, from);
        rate
    };
    limits.requests_per_minute = rate("limit.requests", limits.requests_per_minute);
    limits.tokens_per_minute = rate("limit.tokens", limits.tokens_per_minute);
    let (daily, from) = match settings.get("limit.daily_requests", value::daily) {
        Some((daily, from)) => (Some(daily), from),
        None => (limits.requests_per_day, origin.clone()),
    };
    limits.requests_per_day = daily;
    let shown = daily.map_or_else(|| "none".to_owned(), |daily| format!("{daily}/day"));
    settings.took("limit.daily_requests", shown, from);
    let in_flight = settings.plain("limit.in_flight", limits.in_flight as u64, |given| {
        value::count(given, 1, 10_000)
    });
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
        settings.problems.push(super::error::Problem::new(format!(
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
