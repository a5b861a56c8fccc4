//! Why a call gave no answer: who must act, how to go on, whether it may have been billed.

use std::time::Duration;

use super::call::LimitHeaders;

/// What went wrong, as far as the decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// No connection could be made: nothing was sent.
    Unreached,
    /// The connection broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// 429 for requests or tokens a minute (or a day).
    RateLimit,
    /// 429 `slow_down`: the traffic grew too fast.
    SlowDown,
    /// 503, 529: the server has more than it can bear.
    Overloaded,
    /// Any other 5xx, 408, 409.
    Server,
    /// The batch can never be answered: longer than the context or than a minute's tokens. Smaller ones can.
    TooLarge,
    /// 401, 403: the key or its permissions.
    Key,
    /// No money: quota, spend limit, payment.
    Quota,
    /// 404: no such model or path.
    NoModel,
    /// 400 for the answer schema: no call of this run can succeed.
    BadSchema,
    /// Any other 4xx: this request will never succeed.
    Rejected,
    /// 3xx: never followed.
    Redirect,
    /// A certificate that cannot be trusted.
    Tls,
    /// 200, but not an answer: HTML, an error object, empty.
    BadBody,
    /// The body was longer than is read.
    TooLongBody,
}

/// What a rate limit is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedBy {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The user: key, money, model name, schema.
    User,
    /// The provider: it is overloaded or broken.
    Provider,
    /// The world between: network, certificates.
    World,
    /// weir: it sent what it should not have.
    Weir,
}

/// How to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same again, after a time.
    Later,
    /// Not this request, but smaller ones.
    Smaller,
    /// Never this request; others may succeed.
    Never,
    /// Nothing more in this run: every call would fail.
    Stop,
}

/// Whether the provider may have billed the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billed {
    /// Certainly not.
    No,
    /// It may have: charged as billed until known.
    Maybe,
}

/// A call that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// The HTTP status, if one came.
    pub status: Option<u16>,
    /// For people: lower case, secrets and organization ids masked.
    pub message: String,
    /// The server's own word on when to come again.
    pub retry_after: Option<Duration>,
    /// The server's own word on whether to come again (`x-should-retry`).
    pub should_retry: Option<bool>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// What the server said of its limits.
    pub limits: Option<Box<LimitHeaders>>,
    /// What a rate limit was counted in, if the server says.
    pub limited_by: Option<LimitedBy>,
}

impl Fault {
    /// A fault of this kind with nothing else known.
    #[must_use]
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            message: message.into(),
            retry_after: None,
            should_retry: None,
            request_id: None,
            limits: None,
            limited_by: None,
        }
    }

    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        use FaultKind as K;
        match self.kind {
            K::Key | K::Quota | K::NoModel | K::BadSchema | K::Redirect => Blame::User,
            K::RateLimit
            | K::SlowDown
            | K::Overloaded
            | K::Server
            | K::BadBody
            | K::TooLongBody => Blame::Provider,
            K::Unreached | K::Connection | K::Timeout | K::Tls => Blame::World,
            K::TooLarge | K::Rejected => Blame::Weir,
        }
    }

    /// How to go on. The server's `x-should-retry` wins where going on is a choice.
    #[must_use]
    pub fn retry(&self) -> Retry {
        use FaultKind as K;
        match self.kind {
            K::Key | K::Quota | K::NoModel | K::BadSchema | K::Redirect | K::Tls => Retry::Stop,
            K::TooLarge | K::TooLongBody => Retry::Smaller,
            K::Rejected if self.should_retry == Some(true) => Retry::Later,
            K::Rejected => Retry::Never,
            _ if self.should_retry == Some(false) => Retry::Never,
            _ => Retry::Later,
        }
    }

    /// Whether it may have been billed: refused calls are not, cut or unreadable ones may have been.
    #[must_use]
    pub fn billed(&self) -> Billed {
        use FaultKind as K;
        match self.kind {
            K::Connection | K::Timeout | K::Server | K::BadBody | K::TooLongBody => Billed::Maybe,
            _ => Billed::No,
        }
    }
}
