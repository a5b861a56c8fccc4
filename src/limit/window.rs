//! The last minute as the provider has it: every call with what it reserved and what it used.

use std::collections::VecDeque;
use std::time::Duration;

/// The provider's window.
pub const WINDOW: Duration = Duration::from_mins(1);
/// The mirror's: the window, and the jitter between sending and arriving.
pub(super) const HELD: Duration = Duration::from_secs(61);

/// Requests and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Load {
    pub requests: u64,
    pub tokens: u64,
}

/// Whether the provider gives back what a call reserved and did not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refunds {
    /// With the answer.
    #[default]
    Given,
    /// Never: it counts until it leaves the window.
    Withheld,
}

/// The mirror of a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    requests: u64,
    /// As used where known; as reserved.
    used: u64,
    reserved: u64,
    refunds: Refunds,
    next_id: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    at: Duration,
    requests: u64,
    used: u64,
    reserved: u64,
    /// Spent by somebody else, as far as can be told.
    phantom: bool,
}

impl Window {
    /// Enters a call.
    pub(super) fn enter(&mut self, at: Duration, load: Load) -> u64 {
        self.push(at, load, false)
    }

    /// Enters what somebody else has spent.
    pub(super) fn haunt(&mut self, at: Duration, load: Load) {
        self.push(at, load, true);
    }

    fn push(&mut self, at: Duration, load: Load, phantom: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.requests += load.requests;
        self.used = self.used.saturating_add(load.tokens);
        self.reserved = self.reserved.saturating_add(load.tokens);
        // Times never go back: what is entered late leaves with its neighbour.
        let at = self.entries.back().map_or(at, |last| last.at.max(at));
        self.entries.push_back(Entry {
            id,
            at,
            requests: load.requests,
            used: load.tokens,
            reserved: load.tokens,
            phantom,
        });
        id
    }

    /// What a call did use; one that has left changes nothing. Returns what it had reserved.
    pub(super) fn settle(&mut self, id: u64, tokens: u64) {
        let Some(place) = self.place(id) else { return };
        if let Some(entry) = self.entries.get_mut(place) {
            self.used = self.used - entry.used + tokens;
            entry.used = tokens;
            // More than was reserved counts in any case.
            let more = tokens.saturating_sub(entry.reserved);
            entry.reserved += more;
            self.reserved += more;
        }
    }

    /// The call counts no tokens, and no request if `whole`. Returns whether it was there.
    pub(super) fn release(&mut self, id: u64, whole: bool) -> bool {
        let Some(place) = self.place(id) else {
            return false;
        };
        if let Some(entry) = self.entries.get_mut(place) {
            self.used -= std::mem::take(&mut entry.used);
            self.reserved -= std::mem::take(&mut entry.reserved);
            if whole {
                self.requests -= std::mem::take(&mut entry.requests);
            }
        }
        true
    }

    fn place(&self, id: u64) -> Option<usize> {
        let place = self.entries.partition_point(|entry| entry.id < id);
        self.entries.get(place).filter(|entry| entry.id == id)?;
        Some(place)
    }

    /// What counts.
    pub(super) fn held(&self) -> Load {
        Load {
            requests: self.requests,
            tokens: self.tokens(self.refunds),
        }
    }

    /// The tokens that count if refunds are given, or not.
    pub(super) fn tokens(&self, refunds: Refunds) -> u64 {
        match refunds {
            Refunds::Given => self.used,
            Refunds::Withheld => self.reserved,
        }
    }

    pub(super) fn refunds(&self) -> Refunds {
        self.refunds
    }

    /// What is believed of refunds from now on; debts that were made up to explain the difference go.
    pub(super) fn believe(&mut self, refunds: Refunds) {
        self.refunds = refunds;
        for entry in self.entries.iter_mut().filter(|entry| entry.phantom) {
            self.requests -= std::mem::take(&mut entry.requests);
            self.used -= std::mem::take(&mut entry.used);
            self.reserved -= std::mem::take(&mut entry.reserved);
        }
    }

    /// What the last minute holds.
    pub(super) fn load(&self, now: Duration) -> Load {
        let since = |entry: &&Entry| entry.at + WINDOW > now;
        let recent = self.entries.iter().rev().take_while(since);
        recent.fold(Load::default(), |sum, entry| Load {
            requests: sum.requests + entry.requests,
            tokens: sum.tokens.saturating_add(self.counted(entry)),
        })
    }

    fn counted(&self, entry: &Entry) -> u64 {
        match self.refunds {
            Refunds::Given => entry.used,
            Refunds::Withheld => entry.reserved,
        }
    }

    /// From when on there is room, if nothing settles.
    pub(super) fn room_at(&self, most: Load, tokens: u64) -> Duration {
        let mut held = self.held();
        let fits = |held: Load| {
            held.requests < most.requests
                && (held.tokens.saturating_add(tokens) <= most.tokens || held.tokens == 0)
        };
        let mut entries = self.entries.iter();
        let mut at = Duration::ZERO;
        while !fits(held) {
            let Some(entry) = entries.next() else { break };
            held.requests -= entry.requests;
            held.tokens = held.tokens.saturating_sub(self.counted(entry));
            at = entry.at + HELD;
        }
        at
    }

    /// When the call started that has `count - 1` after it.
    pub(super) fn nth_last(&self, count: u64) -> Option<Duration> {
        let mut calls = self.entries.iter().rev().filter(|entry| !entry.phantom);
        let place = usize::try_from(count.saturating_sub(1)).ok()?;
        calls.nth(place).map(|entry| entry.at)
    }

    /// What has left goes.
    pub(super) fn expire(&mut self, now: Duration) {
        while let Some(entry) = self.entries.front()
            && entry.at + HELD <= now
        {
            self.requests -= entry.requests;
            self.used -= entry.used;
            self.reserved -= entry.reserved;
            self.entries.pop_front();
        }
    }
}
