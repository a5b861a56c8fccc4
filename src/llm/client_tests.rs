//! The client in virtual time, with a provider that does as it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, Options, Parts, Verdict};
use super::gate::Closed;
use super::lane::Lane;
use super::scripted::{Notes, Plain, Scripted, asked, ended, question, reply};
use crate::limit::{Caps, Limits};
use crate::model::call::{Asked, Batch, Finish};
use crate::model::fault::{Fault, FaultKind};
use crate::model::outcome::FailReason;
use crate::model::price::Price;
use crate::model::unit::{Micros, Usd};

const SECOND: Duration = Duration::from_secs(1);

fn limits() -> Limits {
    Limits {
        requests_per_minute: 6000,
        tokens_per_minute: 10_000_000,
        requests_per_day: None,
        in_flight: 1000,
    }
}

pub(super) struct Stand {
    pub(super) provider: Arc<Scripted>,
    notes: Arc<Notes>,
    pub(super) lane: Arc<Lane>,
    client: Arc<Client>,
}

pub(super) fn stand(provider: &Arc<Scripted>, limits: Limits, caps: Caps, notes: Notes) -> Stand {
    let notes = Arc::new(notes);
    let lane = Lane::alone(limits, caps, 1);
    let client = Client::new(Parts {
        provider: Arc::clone(provider) as _,
        lane: Arc::clone(&lane),
        journal: Arc::clone(&notes) as _,
        reader: Arc::new(Plain),
        price: Some(Price::per_million(1.0, None, 2.0)),
        wall: Arc::new(|| Micros(1_700_000_000_000_000)),
        seed: 5,
        options: Options::default(),
    });
    Stand {
        provider: Arc::clone(provider),
        notes,
        lane,
        client,
    }
}

fn plain(provider: &Arc<Scripted>) -> Stand {
    stand(provider, limits(), Caps::default(), Notes::default())
}

impl Stand {
    /// Asks batches of these texts at once; the verdicts by text.
    pub(super) async fn ask(&self, batches: &[Vec<String>]) -> BTreeMap<String, Verdict> {
        let (out, mut verdicts) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for texts in batches {
            let chunks: Vec<Asked> = texts.iter().map(|text| asked(text, 100)).collect();
            let prepared = self.client.prepare(&question(), chunks);
            tasks.spawn(Arc::clone(&self.client).ask(prepared, None, out.clone()));
        }
        drop(out);
        let mut told = BTreeMap::new();
        while let Some((asked, verdict)) = verdicts.recv().await {
            let journaled = self.notes.done.lock().unwrap();
            if let Verdict::Answered { answer, call, .. } = &verdict {
                let done = journaled.iter().find(|done| done.call == *call);
                assert!(
                    done.unwrap().answers.contains(answer),
                    "told before it was durable"
                );
            }
            drop(journaled);
            assert!(
                told.insert(asked.text.to_string(), verdict).is_none(),
                "told twice"
            );
        }
        while let Some(result) = tasks.join_next().await {
            result.unwrap().ok();
        }
        told
    }

    async fn ask_one(&self, texts: &[&str]) -> BTreeMap<String, Verdict> {
        let texts = texts.iter().map(|&text| text.to_owned()).collect();
        self.ask(&[texts]).await
    }
}

pub(super) fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("text {n:03}")).collect()
}

fn is_answered(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Answered { .. })
}

fn failed(verdict: &Verdict) -> Option<(FailReason, u32)> {
    match verdict {
        Verdict::Failed {
            reason, attempts, ..
        } => Some((*reason, *attempts)),
        _ => None,
    }
}

fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, "as scripted")
}

fn has(batch: &Batch, text: &str) -> bool {
    batch.chunks.iter().any(|chunk| chunk.text.as_ref() == text)
}

/// The first answer stands: whoever hears of a second is told to look.
#[tokio::test(start_paused = true)]
async fn an_answer_to_what_was_answered_before_is_not_the_one_that_stands() {
    let stand = plain(&Scripted::new(SECOND, |_, _| None));
    for stands in [true, false] {
        let told = stand.ask_one(&["again"]).await;
        let Verdict::Answered { at, .. } = &told["again"] else {
            panic!("{told:?}")
        };
        assert_eq!(at.is_some(), stands);
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_one_call_with_exact_shares() {
    let stand = plain(&Scripted::new(SECOND, |_, _| None));
    let told = stand.ask_one(&["a", "b", "c"]).await;
    assert!(told.values().all(is_answered) && told.len() == 3);
    let done = stand.notes.done.lock().unwrap();
    let answers = &done[0].answers;
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.input_tokens)
            .sum::<u64>(),
        400
    );
    let cost = answers.iter().filter_map(|answer| answer.cost).sum::<Usd>();
    assert_eq!(Some(cost), done[0].cost);
    assert_eq!(cost, Usd::from_dollars(0.001).unwrap());
    assert_eq!(stand.lane.stats().spent, cost);
    assert_eq!(stand.lane.stats().reserved, Usd(0));
    assert!(answers[0].content == "a" && done[0].body.is_some());
    assert!(
        done[0].call.to_string().starts_with("018bcfe56800"),
        "{}",
        done[0].call
    );
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_pauses_everybody_for_as_long_as_the_server_says() {
    let limited = Fault {
        retry_after: Some(7 * SECOND),
        ..fault(FaultKind::RateLimit)
    };
    let play = move |_: &Batch, nth| (nth == 1).then(|| Err(limited.clone()));
    let stand = plain(&Scripted::new(SECOND / 10, play));
    let start = Instant::now();
    let batches: Vec<_> = texts(100).chunks(1).map(<[_]>::to_vec).collect();
    let told = stand.ask(&batches).await;
    assert!(told.values().all(is_answered));
    let calls = stand.provider.calls.lock().unwrap();
    assert_eq!(calls.len(), 101);
    let told_at = SECOND / 10;
    let paused =
        |at: &Instant| *at > start + told_at + SECOND / 20 && *at < start + told_at + 7 * SECOND;
    assert!(!calls.iter().any(|call| paused(&call.0)));
    assert!(calls.iter().any(|call| call.0 > start + 7 * SECOND));
    assert_eq!(stand.lane.stats().limited, 1);
}

#[tokio::test(start_paused = true)]
async fn server_errors_are_tried_again_five_times() {
    let play = |batch: &Batch, _| has(batch, "poison").then(|| Err(fault(FaultKind::Server)));
    let stand = plain(&Scripted::new(SECOND / 10, play));
    let told = stand.ask(&[vec!["poison".into()], texts(3)]).await;
    // The first try failed before anybody was answered: that may have been anything.
    assert_eq!(failed(&told["poison"]), Some((FailReason::Unreachable, 6)));
    assert_eq!(
        told.values().filter(|verdict| is_answered(verdict)).count(),
        3
    );
    let play = |_: &Batch, nth| (nth <= 3).then(|| Err(fault(FaultKind::Server)));
    let stand = plain(&Scripted::new(SECOND / 10, play));
    assert!(stand.ask_one(&["a"]).await.values().all(is_answered));
    let calls = stand.provider.calls.lock().unwrap();
    let tags: Vec<_> = calls.iter().map(|call| &call.1.chunks[0].tag).collect();
    assert!(
        tags.windows(2).all(|two| two[0] != two[1]),
        "fresh tags for each call"
    );
    assert!(calls.windows(2).all(|two| two[0].1.call != two[1].1.call));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_minute_loses_nothing() {
    let start = Instant::now();
    let is_down = move || {
        let time = start.elapsed();
        time > 10 * SECOND && time < 70 * SECOND
    };
    let play = move |_: &Batch, _| is_down().then(|| Err(fault(FaultKind::Overloaded)));
    let mut limits = limits();
    limits.requests_per_minute = 500;
    let stand = stand(
        &Scripted::new(5 * SECOND, play),
        limits,
        Caps::default(),
        Notes::default(),
    );
    let batches: Vec<_> = texts(400).chunks(1).map(<[_]>::to_vec).collect();
    let told = stand.ask(&batches).await;
    assert!(told.values().all(is_answered) && told.len() == 400);
    let calls = stand.provider.calls.lock().unwrap().len();
    assert!(calls < 480, "{calls} calls");
    // Undisturbed it takes 53 s; the full rate is back 30 s after the outage.
    assert!(start.elapsed() < 150 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_stops_the_run_soon() {
    let stand = plain(&Scripted::new(SECOND / 100, |_, _| {
        Some(Err(fault(FaultKind::Unreached)))
    }));
    let start = Instant::now();
    let batches: Vec<_> = texts(200).chunks(1).map(<[_]>::to_vec).collect();
    let told = stand.ask(&batches).await;
    assert_eq!(told.len(), 200);
    assert!(!told.values().any(is_answered));
    assert!(start.elapsed() < 90 * SECOND, "{:?}", start.elapsed());
    let calls = stand.provider.calls.lock().unwrap().len();
    assert!(calls < 250, "{calls} calls");
    assert!(matches!(stand.lane.closed(), Some(Closed::Fault(_))));
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_stops_everything_at_once() {
    let stand = plain(&Scripted::new(SECOND, |_, _| {
        Some(Err(fault(FaultKind::Key)))
    }));
    let batches: Vec<_> = texts(500).chunks(1).map(<[_]>::to_vec).collect();
    let start = Instant::now();
    let told = stand.ask(&batches).await;
    assert!(
        told.values()
            .all(|verdict| *verdict == Verdict::Unasked("as scripted".into()))
    );
    assert!(
        start.elapsed() <= 2 * SECOND + SECOND / 10,
        "{:?}",
        start.elapsed()
    );
    assert!(
        stand.provider.calls.lock().unwrap().len() <= 110,
        "only what was under way"
    );
    assert_eq!(stand.lane.stats().spent, Usd(0));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_asked_again_in_halves_down_to_one() {
    let play = |batch: &Batch, _| {
        let is_alone = batch.chunks.len() == 1;
        Some(Ok(reply(batch, |chunk| {
            is_alone || !chunk.text.ends_with(['1', '3', '5', '7'])
        })))
    };
    let stand = plain(&Scripted::new(SECOND, play));
    let told = stand.ask(&[texts(8)]).await;
    assert!(told.values().all(is_answered));
    assert_eq!(stand.provider.sizes(), [8, 2, 2, 1, 1, 1, 1]);
    let calls = stand.provider.calls.lock().unwrap();
    assert_eq!(calls[0].1.hint, None);
    assert!(calls[1].1.hint.as_ref().unwrap().contains("left this out"));
}

#[tokio::test(start_paused = true)]
async fn three_tries_and_it_has_failed() {
    let play = |batch: &Batch, _| {
        let mut batch = batch.clone();
        for chunk in &mut batch.chunks {
            if chunk.text.as_ref() == "bad" {
                chunk.text = "!".into();
            }
        }
        Some(Ok(reply(&batch, |chunk| chunk.text.as_ref() != "gone")))
    };
    let stand = plain(&Scripted::new(SECOND, play));
    let told = stand.ask_one(&["a", "bad", "c", "gone"]).await;
    assert_eq!(failed(&told["bad"]), Some((FailReason::Invalid, 3)));
    assert_eq!(failed(&told["gone"]), Some((FailReason::Missing, 3)));
    assert!(is_answered(&told["a"]) && is_answered(&told["c"]));
    assert!(
        matches!(&told["bad"], Verdict::Failed { call: Some(_), message, .. } if message.contains("it is a mark"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_gets_fewer_chunks_and_more_room() {
    let play = |batch: &Batch, _| {
        (batch.max_output < 1000 || batch.chunks.len() > 2)
            .then(|| Ok(ended(batch, Finish::Length)))
    };
    let stand = plain(&Scripted::new(SECOND, play));
    let told = stand.ask_one(&["a", "b", "c", "d"]).await;
    assert!(told.values().all(is_answered), "{told:?}");
    assert_eq!(stand.provider.sizes(), [4, 2, 2]);
    let stand = plain(&Scripted::new(SECOND, |batch, _| {
        Some(Ok(ended(batch, Finish::Length)))
    }));
    let told = stand.ask_one(&["a"]).await;
    assert_eq!(failed(&told["a"]), Some((FailReason::Truncated, 3)));
    let calls = stand.provider.calls.lock().unwrap();
    let rooms: Vec<_> = calls.iter().map(|call| call.1.max_output).collect();
    assert_eq!(rooms, [384, 704, 1408]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_fault_of_one_chunk() {
    for (finish, reason) in [
        (Finish::Refusal, FailReason::Refused),
        (Finish::ContentFilter, FailReason::Filtered),
    ] {
        let play = move |batch: &Batch, _| has(batch, "text 005").then(|| Ok(ended(batch, finish)));
        let stand = plain(&Scripted::new(SECOND, play));
        let told = stand.ask(&[texts(8)]).await;
        assert_eq!(failed(&told["text 005"]), Some((reason, 3)));
        assert_eq!(
            told.values().filter(|verdict| is_answered(verdict)).count(),
            7
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_halved_as_often_as_it_takes() {
    let play = |batch: &Batch, _| {
        (batch.chunks.len() > 2 || has(batch, "text 000")).then(|| Err(fault(FaultKind::TooLarge)))
    };
    let stand = plain(&Scripted::new(SECOND, play));
    let told = stand.ask(&[texts(16)]).await;
    assert_eq!(failed(&told["text 000"]), Some((FailReason::TooLong, 5)));
    assert_eq!(
        told.values().filter(|verdict| is_answered(verdict)).count(),
        15
    );
    // The same where the limiter knows it beforehand: then nothing is sent.
    let small = Limits {
        tokens_per_minute: 1000,
        ..limits()
    };
    let stand = self::stand(
        &Scripted::new(SECOND, |_, _| None),
        small,
        Caps::default(),
        Notes::default(),
    );
    let told = stand.ask(&[texts(4)]).await;
    assert!(told.values().all(is_answered));
    assert_eq!(stand.provider.sizes(), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn rejected_chunks_fail_alone_and_many_in_a_row_stop_the_run() {
    let play = |batch: &Batch, _| has(batch, "text 000").then(|| Err(fault(FaultKind::Rejected)));
    let stand = plain(&Scripted::new(SECOND, play));
    let told = stand.ask(&[texts(4)]).await;
    assert_eq!(failed(&told["text 000"]), Some((FailReason::Rejected, 3)));
    assert_eq!(
        told.values().filter(|verdict| is_answered(verdict)).count(),
        3
    );
    let stand = plain(&Scripted::new(SECOND, |_, _| {
        Some(Err(fault(FaultKind::Rejected)))
    }));
    stand
        .ask(&texts(500).chunks(8).map(<[_]>::to_vec).collect::<Vec<_>>())
        .await;
    assert!(stand.lane.closed().is_some());
    let calls = stand.provider.calls.lock().unwrap().len();
    assert!(calls <= 130, "{calls}: what was under way, no more");
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_never_passed() {
    let caps = Caps {
        cost: Usd::from_dollars(0.01),
        calls: None,
        tokens: None,
    };
    let stand = stand(
        &Scripted::new(SECOND, |_, _| None),
        limits(),
        caps,
        Notes::default(),
    );
    let batches: Vec<_> = texts(100).chunks(1).map(<[_]>::to_vec).collect();
    let told = stand.ask(&batches).await;
    let spent = stand.lane.stats().spent;
    assert!(
        spent <= caps.cost.unwrap() && spent > Usd::from_dollars(0.009).unwrap(),
        "{spent}"
    );
    let unasked = told
        .values()
        .filter(|verdict| matches!(verdict, Verdict::Unasked(why) if why.contains("cap")));
    assert_eq!(
        unasked.count() + told.values().filter(|verdict| is_answered(verdict)).count(),
        100
    );
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_closes_the_gate() {
    let notes = Notes {
        fails_after: Some(20),
        ..Notes::default()
    };
    let stand = stand(
        &Scripted::new(SECOND, |_, _| None),
        limits(),
        Caps::default(),
        notes,
    );
    let batches: Vec<_> = texts(100).chunks(1).map(<[_]>::to_vec).collect();
    let told = stand.ask(&batches).await;
    assert_eq!(told.len(), 100);
    let answered = told.values().filter(|verdict| is_answered(verdict)).count();
    assert_eq!(answered, stand.notes.done.lock().unwrap().len());
    assert!(matches!(stand.lane.closed(), Some(Closed::Storage(why)) if why == "disk full"));
}

/// 500 calls against 120 requests and 60,000 tokens a minute, and a server that checks.
#[tokio::test(start_paused = true)]
async fn the_limits_hold_for_five_hundred_calls() {
    let limits = Limits {
        requests_per_minute: 120,
        tokens_per_minute: 60_000,
        requests_per_day: None,
        in_flight: 100,
    };
    let provider = Scripted::new(20 * SECOND, |_, _| None);
    let stand = stand(&provider, limits, Caps::default(), Notes::default());
    let start = Instant::now();
    let batches: Vec<_> = texts(500).chunks(1).map(<[_]>::to_vec).collect();
    assert!(stand.ask(&batches).await.values().all(is_answered));
    let calls = stand.provider.calls.lock().unwrap();
    for (at, _) in calls.iter() {
        let minute = calls
            .iter()
            .filter(|call| call.0 <= *at && call.0 + 60 * SECOND > *at);
        let (mut requests, mut tokens) = (0, 0);
        for (sent, batch) in minute {
            let is_done = *sent + 20 * SECOND <= *at;
            requests += 1;
            tokens += if is_done {
                300
            } else {
                200 + u64::from(batch.max_output)
            };
        }
        assert!(requests <= 120, "{requests} requests");
        assert!(tokens <= 60_000, "{tokens} tokens");
    }
    let stats = stand.lane.stats();
    assert!(start.elapsed() < 280 * SECOND, "{:?}", start.elapsed());
    assert_eq!((stats.calls, stats.answered, stats.limited), (500, 500, 0));
    assert_eq!(stats.p99, 20 * SECOND);
}
