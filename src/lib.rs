//! weir turns folders of transcripts into queryable tables, with a language model or with rules, as fast as the
//! provider's limits allow, and never pays twice for the same text.
//!
//! # The path of the data
//!
//! ```text
//!  files                 source::walk, source::read      which files there are, what is in them
//!    |                   job::changes, job::intake       what changed; which files form the next epoch
//!  documents             stage::transcript               bytes -> turns, each tied to its place in the file
//!    |
//!  chunks                stage::chunk                    turns -> chunks with content-defined borders
//!    |
//!  answers               flow::ops::ask                  equal texts once; known? else asked once, and kept for ever:
//!    |                     flow::desk -> store             look up in the ledger
//!    |                     llm::client -> llm::gate        batch, wait for the limits, call, journal
//!    |                     stage::extract                  prompt, answer, quotes ground on the text
//!  names                 flow::gist, flow::ops::assemble what each answer says of names, document by document
//!    |
//!  graph                 flow::ops::graph, stage::graph  names -> entities, statements -> relations
//!    |
//!  tables                flow::ops::commit               an epoch that is complete
//!                          flow::committer -> sink         documents -> rows -> parts -> a snapshot, swapped in at once
//! ```
//!
//! `flow` is a timely dataflow over differential collections: an edited file withdraws what it gave and brings what it
//! gives now, and exactly the rows that differ change.
//!
//! # The floors
//!
//! A module names only modules of lower floors; `tests/it/floors.rs` checks it.
//!
//! | floor | modules | what |
//! |---|---|---|
//! | 7 | `cli` | arguments in, one command, an exit status out |
//! | 6 | `http` | the job service: who may ask, for what, and what is taken in |
//! | 5 | `job` | one run from start to end |
//! | 4 | `flow` | the dataflow, its bridge to the async side, the committer |
//! | 3 | `plan` | the checked plan, the only thing that a run is built from |
//! | 2 | `source`, `store`, `llm`, `sink`, `sim` | folders in, state, models, tables out; a provider to rehearse against |
//! | 2 | `notify` | webhooks and mails about jobs |
//! | 1 | `stage`, `limit` | the thinking of each step; pure |
//! | 1 | `secret` | keys, passwords and tokens, and the files that hold them |
//! | 0 | `model`, `failpoint` | plain data; where a debug build can be made to panic |
//!
//! # Where to start reading
//!
//! [`flow`] for the graph as a picture, [`job::run`] for how it is driven, [`stage`] for what each step thinks.

pub mod cli;
pub mod failpoint;
pub mod flow;
pub mod http;
pub mod job;
pub mod limit;
pub mod llm;
pub mod model;
pub mod notify;
pub mod plan;
pub mod secret;
pub mod sim;
pub mod sink;
pub mod source;
pub mod stage;
pub mod store;
