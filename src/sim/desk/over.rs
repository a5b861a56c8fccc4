//! What a call comes to when it is over, and what all of them do.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use super::{Call, Desk, Incoming, Outcome};
use crate::sim::admission::Law;
use crate::sim::fault::{Odd, Wire};
use crate::sim::log::{Arrival, Line, Report};

impl Call {
    /// Tokens in and out that are billed.
    pub(super) fn used(&self) -> (u64, u64) {
        match (&self.outcome, self.wire) {
            (Outcome::Refused(_), _) | (_, Some(Wire::Hang | Wire::ResetAtOnce)) => (0, 0),
            (Outcome::Answered(said, _), _) => (self.ask.prompt, said.output),
        }
    }
}

impl Desk {
    /// A call is over; `delivered` if all its bytes went out.
    pub(in crate::sim) fn over(&mut self, now: Duration, call: &Call, delivered: bool) {
        self.in_flight -= 1;
        self.report.busy_seconds += now.saturating_sub(call.at).as_secs_f64();
        let whole = delivered && !matches!(call.wire, Some(wire) if wire != Wire::Dribble);
        let status = match &call.outcome {
            _ if matches!(call.wire, Some(Wire::Hang | Wire::ResetAtOnce))
                || (!delivered && call.wire.is_none()) =>
            {
                0
            }
            Outcome::Refused(refusal) => refusal.status,
            Outcome::Answered(..) => 200,
        };
        *self.report.statuses.entry(status).or_default() += 1;
        let (input, output) = call.used();
        let mut served = 0;
        if let Outcome::Answered(said, odd) = &call.outcome {
            let readable = whole && matches!(odd, None | Some(Odd::ContentType));
            self.report.answered += u64::from(readable);
            let chunks = call.ask.chunks.iter().zip(&said.good);
            for ((_, text), _) in chunks.filter(|(_, good)| **good && readable) {
                self.referee.answered(text);
                served += 1;
            }
        }
        if served == 0 {
            self.report.wasted_tokens += input + output;
        }
        if let Some(kept) = usize::try_from(call.number - 1)
            .ok()
            .and_then(|place| self.log.get_mut(place))
        {
            (kept.status, kept.done) = (status, Some(now));
        }
        let line = Line {
            call: call.number,
            at: call.at.as_secs_f64(),
            done: now.as_secs_f64(),
            model: &call.ask.model,
            chunks: call.ask.chunks.len(),
            again: call.again,
            charge: call.ask.charge(),
            admitted: call.admitted.is_some(),
            fault: call.fault,
            status,
            input,
            output,
            in_flight: self.in_flight,
            delivered,
        };
        self.write(line);
    }

    fn write(&mut self, line: Line<'_>) {
        let Some(file) = &mut self.file else { return };
        let written = serde_json::to_writer(&mut *file, &line).map_err(std::io::Error::from);
        if written.and_then(|()| file.write_all(b"\n")).is_err() {
            // A full disk ends the log, not the rehearsal.
            self.file = None;
        }
    }

    pub(super) fn keep(&mut self, call: &Call, incoming: &Incoming<'_>) {
        let used = call.used();
        self.log.push(Arrival {
            at: call.at,
            done: None,
            texts: call
                .ask
                .chunks
                .iter()
                .map(|chunk| chunk.1.clone())
                .collect(),
            tags: call
                .ask
                .chunks
                .iter()
                .map(|chunk| chunk.0.clone())
                .collect(),
            status: 0,
            fault: call.fault,
            tokens: (call.ask.charge(), used.0 + used.1),
            latency: call.latency,
            request: serde_json::from_slice(incoming.body).unwrap_or(Value::Null),
            key: incoming.key.map(str::to_owned),
        });
    }

    /// A redirect was followed.
    pub(in crate::sim) fn followed(&mut self, with_key: bool) {
        self.report.followed += 1;
        self.report.followed_with_key += u64::from(with_key);
    }

    /// A connection was made.
    pub(in crate::sim) fn connected(&mut self) {
        self.connections += 1;
        self.report.connections += 1;
        self.report.most_connections = self.report.most_connections.max(self.connections);
    }

    /// And ended.
    pub(in crate::sim) fn disconnected(&mut self) {
        self.connections -= 1;
    }

    /// What the calls come to so far.
    pub(in crate::sim) fn report(&self, now: Duration) -> Report {
        let mut report = self.report.clone();
        report.seconds = now.as_secs_f64();
        report.verdict = self.referee.verdict();
        report.cost_usd = self.options.price.map(|(input, output)| {
            (report.input_tokens as f64 * input + report.output_tokens as f64 * output) / 1e6
        });
        report
    }

    /// The law that holds.
    pub(in crate::sim) fn law(&self) -> Law {
        self.admission.law()
    }

    pub(in crate::sim) fn log(&self) -> &[Arrival] {
        &self.log
    }

    /// What is written down is on its way to the disk.
    pub(in crate::sim) fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}
