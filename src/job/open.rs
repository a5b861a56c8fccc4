//! Opening a view: state and output locked, an interrupted commit settled, guards, and what the run starts from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::changes::{Changes, Trust, changes};
use super::house::House;
use super::order::Order;
use crate::flow::epochs::Epoch;
use crate::limit::purse::Gone;
use crate::llm::gate::Gate;
use crate::llm::lane::Terms;
use crate::model::id::ViewId;
use crate::sink::{Layout, Local, Manifest, Publisher, SinkError};
use crate::source::walk::{self, Listing, SourceError};
use crate::stage::extract::schema::form;
use crate::store::{Database, StoreError, StoredFile, StoredView, View};

/// What turns files and answers into rows: it changes when a reader, the graph or a table does, and then every table is
/// rewritten, without a call.
pub const DERIVATION: &str = "3";

/// A run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The state.
    #[error("could not open the state folder {}", path.display())]
    State {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: StoreError,
    },
    /// The output.
    #[error("could not open the output folder {}", path.display())]
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: SinkError,
    },
    /// The inputs.
    #[error("could not list the inputs")]
    Source(#[source] SourceError),
    /// A guard: it would do what is probably not meant.
    #[error("{what}\nhint: {hint}")]
    Guard {
        /// What would happen.
        what: String,
        /// How to go on.
        hint: String,
    },
}

/// An opened view.
pub struct Opened {
    /// Ledger and manifest, and what else is shared with other runs.
    pub house: Arc<House>,
    /// The gate that its calls go through.
    pub gate: Arc<Gate>,
    /// On what terms.
    pub terms: Terms,
    /// What the user should know.
    pub notes: Vec<String>,
    /// The output.
    pub publisher: Local,
    /// The view.
    pub view: ViewId,
    /// What was published last, if anything.
    pub before: Option<StoredView>,
    /// Its files.
    pub known: Vec<StoredFile>,
    /// The files there are now.
    pub listing: Listing,
    /// From what was published to what is there.
    pub changes: Changes,
    /// How far what was published can be relied on.
    pub trust: Trust,
    /// The epoch that the run starts from.
    pub start: Epoch,
    /// The derivation, with how files are read.
    pub derivation: String,
}

impl Opened {
    /// Whether the tables follow from what was published: otherwise they are rewritten.
    #[must_use]
    pub fn resumes(&self) -> bool {
        matches!(self.trust, Trust::Looks | Trust::Nothing)
    }

    /// Whether there is nothing to do: same plan, same files, everything answered.
    #[must_use]
    pub fn unchanged(&self, order: &Order) -> bool {
        let settled = self
            .before
            .as_ref()
            .is_some_and(|before| before.complete && before.plan == order.plan);
        settled && self.trust == Trust::Looks && self.changes.steps.is_empty()
    }
}

/// The view that an order makes.
#[must_use]
pub fn view(order: &Order) -> View {
    let output = std::path::absolute(&order.output).unwrap_or_else(|_| order.output.clone());
    let root = |root: &crate::source::Root| {
        let path = std::path::absolute(&root.path).unwrap_or_else(|_| root.path.clone());
        format!("{}={}", root.label, path.display())
    };
    View {
        dataflow: order.dataflow.clone(),
        roots: order.roots.iter().map(root).collect(),
        output: output.display().to_string(),
    }
}

/// Opens, in a house or in one of its own; everything that can be refused is refused here, before a file is read or a
/// call is made.
///
/// # Errors
/// If state or output cannot be opened, an input is missing, or a guard holds.
pub fn open(
    order: &Order,
    house: Option<&Arc<House>>,
    fresh_id: [u8; 16],
    rewrite: bool,
) -> Result<Opened, OpenError> {
    let listing = walk::walk(&order.roots, &order.files).map_err(OpenError::Source)?;
    way(&order.state, "--state")?;
    way(&order.output, "-o")?;
    let state = |cause| OpenError::State {
        path: order.state.clone(),
        cause,
    };
    let output = |cause| OpenError::Output {
        path: order.output.clone(),
        cause,
    };
    let house = match house {
        Some(house) => {
            same(house, order)?;
            Arc::clone(house)
        }
        None => House::open(&order.state, fresh_id)?,
    };
    let database = Arc::clone(house.database());
    let mut publisher = Local::open(&order.output, (order.wall)()).map_err(output)?;
    let view_of = view(order);
    let view = database.register(&view_of).wait().map_err(state)?;
    settle(&database, &mut publisher, view, order)?;

    let manifest = publisher
        .current()
        .map(|snapshot| snapshot.manifest().clone());
    let before = database
        .view(view)
        .map_err(state)?
        .filter(|before| before.epoch > 0);
    if let Some(manifest) = &manifest {
        guard_output(order, manifest, database.ledger_id(), &listing, view)?;
        guard_state(order, manifest, before.as_ref(), view)?;
    }
    let form = form(&order.question.schema);
    publisher = publisher.holding(Layout::of(&form));
    let derivation = format!("{DERIVATION}/{}/{}", form.id(), order.reading.hash);
    let known = database.files(view).map_err(state)?;
    let trust = trust(
        order,
        before.as_ref(),
        manifest.as_ref(),
        &publisher,
        &derivation,
        view,
        rewrite,
    );
    let changes = changes(&known, &listing, trust);
    if changes.empties(known.len()) && !order.allow.removal {
        return Err(OpenError::Guard {
            what: format!(
                "{} of the {} documents in {} have no file any more",
                changes.gone,
                known.len(),
                order.output.display()
            ),
            hint: "check the inputs (an unmounted disk?); --allow-removal removes them from the tables".into(),
        });
    }
    let on_disk = publisher
        .current_epoch_on_disk()
        .map_err(output)?
        .unwrap_or(0);
    let start = before
        .as_ref()
        .map_or(0, |before| before.epoch)
        .max(on_disk);
    database.collect(view).wait().map_err(state)?;
    let door = house.gate(order).map_err(state)?;
    let terms = Terms {
        limits: order.limits,
        caps: order.caps,
        gone: gone(order, &database, view).map_err(state)?,
        monthly: Some((house.monthly(&order.wall).map_err(state)?, order.monthly)),
        weight: order.weight,
    };
    Ok(Opened {
        gate: door.gate,
        terms,
        notes: door.neighbour.into_iter().collect(),
        house,
        publisher,
        view,
        before,
        known,
        listing,
        changes,
        trust,
        start,
        derivation,
    })
}

/// What was used of the caps: only there is it worth adding up.
fn gone(order: &Order, database: &Database, view: ViewId) -> Result<Gone, StoreError> {
    if order.caps.any() {
        database.gone(view)
    } else {
        Ok(Gone::default())
    }
}

/// Whether an order is for the state of a house.
fn same(house: &House, order: &Order) -> Result<(), OpenError> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute(house.state()) == absolute(&order.state) {
        return Ok(());
    }
    Err(OpenError::Guard {
        what: format!(
            "the run is to keep its state in {}, but those it would share with keep theirs in {}",
            order.state.display(),
            house.state().display()
        ),
        hint: "start it with the same --state".into(),
    })
}

/// Whether a folder is or can be there: nothing but folders on the way to it.
///
/// # Errors
/// If something else lies there.
pub fn way(folder: &Path, flag: &str) -> Result<(), OpenError> {
    let there = folder
        .ancestors()
        .find_map(|path| Some((path, path.metadata().ok()?)));
    match there {
        Some((path, found)) if !found.is_dir() => Err(OpenError::Guard {
            what: format!("{} is in the way: it is not a folder", path.display()),
            hint: format!("choose another folder with {flag}"),
        }),
        _ => Ok(()),
    }
}

/// Settles a commit that a kill interrupted: `current` decides.
pub(super) fn settle(
    database: &Database,
    publisher: &mut Local,
    view: ViewId,
    order: &Order,
) -> Result<(), OpenError> {
    let state = |cause| OpenError::State {
        path: order.state.clone(),
        cause,
    };
    let Some(epoch) = database.prepared(view).map_err(state)? else {
        return Ok(());
    };
    let current = publisher.current().is_some_and(|current| {
        current.epoch() == epoch && current.manifest().info.view == view.to_string()
    });
    let on_disk = publisher
        .current_epoch_on_disk()
        .map_err(|cause| OpenError::Output {
            path: order.output.clone(),
            cause,
        })?;
    if current && database.prepared_whole(view, epoch).map_err(state)? {
        database.commit(view, epoch).wait().map_err(state)?;
    } else if on_disk >= Some(epoch) {
        // The state is older than the tables: they have gone on since, or they are what it has only the beginning of. What
        // it prepared is of no use.
        database.rollback(view, epoch).wait().map_err(state)?;
    } else {
        publisher
            .discard(epoch)
            .map_err(|cause| OpenError::Output {
                path: order.output.clone(),
                cause,
            })?;
        database.rollback(view, epoch).wait().map_err(state)?;
    }
    Ok(())
}

fn guard_output(
    order: &Order,
    manifest: &Manifest,
    ledger: &str,
    listing: &Listing,
    view: ViewId,
) -> Result<(), OpenError> {
    let info = &manifest.info;
    let output = order.output.display();
    if info.dataflow != order.dataflow && !order.allow.other_dataflow {
        return Err(OpenError::Guard {
            what: format!(
                "{output} holds the tables of dataflow '{}', not of '{}'",
                info.dataflow, order.dataflow
            ),
            hint: "choose another folder with -o; --allow-other-dataflow replaces them".into(),
        });
    }
    if info.ledger != ledger && !order.allow.new_ledger {
        return Err(OpenError::Guard {
            what: format!("{output} was built from another ledger than that in {}", order.state.display()),
            hint: "point --state at the old one, or answers may be paid for again; --allow-new-ledger goes on".into(),
        });
    }
    let fewer = (listing.files.len() as u64) * 2 < info.documents;
    if info.view != view.to_string() && fewer && !order.allow.removal {
        return Err(OpenError::Guard {
            what: format!(
                "{output} holds {} documents from other inputs; these have {} files",
                info.documents,
                listing.files.len()
            ),
            hint: "choose another folder with -o; --allow-removal replaces them".into(),
        });
    }
    Ok(())
}

/// A state that knows less than the tables that were made with it has lost answers: paying for them again is not decided
/// here.
fn guard_state(
    order: &Order,
    manifest: &Manifest,
    before: Option<&StoredView>,
    view: ViewId,
) -> Result<(), OpenError> {
    let known = before.map_or(0, |before| before.epoch);
    let own = manifest.info.view == view.to_string();
    if !own || known >= manifest.epoch || !order.paid || order.allow.new_ledger {
        return Ok(());
    }
    Err(OpenError::Guard {
        what: format!(
            "{} holds epoch {}, the state in {} is at {known}: it has lost what came after that",
            order.output.display(),
            manifest.epoch,
            order.state.display()
        ),
        hint: "weir ledger restore puts back a newer backup; --allow-new-ledger goes on, and asks and pays again for \
               what is lost"
            .into(),
    })
}

fn trust(
    order: &Order,
    before: Option<&StoredView>,
    manifest: Option<&Manifest>,
    publisher: &Local,
    derivation: &str,
    view: ViewId,
    rewrite: bool,
) -> Trust {
    let Some(before) = before else {
        return Trust::Files;
    };
    if before.derivation != derivation {
        return Trust::Files;
    }
    let current = manifest.is_some_and(|manifest| {
        manifest.epoch == before.epoch
            && manifest.info.view == view.to_string()
            && before.digest.len() == 16
    });
    match (
        current && !rewrite && publisher.verify_present().is_ok(),
        order.rehash,
    ) {
        (true, false) => Trust::Looks,
        (true, true) => Trust::Nothing,
        (false, false) => Trust::Versions,
        (false, true) => Trust::Files,
    }
}
