//! A document erased: from the tables, the snapshots and change logs that hold it, and the state.
//!
//! 1. Each view that has the document is published anew without it, from the ledger, without a call.
//! 2. Older snapshots that hold it go, and all change logs.
//! 3. Its versions, texts, answers and bodies are deleted from the state, whose file is written anew.
//!
//! Every step may be repeated: after a kill the same command does the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::changes::{Changes, Trust};
use super::house::{Account, House};
use super::intake::Step;
use super::open::{OpenError, Opened, settle};
use super::order::{Allow, Order, Timing};
use super::reader::Reading;
use super::run::{Live, RunError, carry_out, validator};
use crate::flow::engine::Wall;
use crate::flow::scope::Scope;
use crate::flow::versions;
use crate::limit::{Caps, Limits};
use crate::llm::client;
use crate::llm::gate::Gate;
use crate::llm::lane::Terms;
use crate::llm::rules::Rules;
use crate::model::call::Question;
use crate::model::id::{DocId, Fingerprint, KeyContext, PromptId, SchemaId};
use crate::model::price::Price;
use crate::sink::{Layout, Local, Publisher, SinkError, holds};
use crate::source::walk::{self, Listing};
use crate::source::{Looks, Root, SourceFile};
use crate::stage::chunk;
use crate::stage::extract::schema::form;
use crate::store::{
    Database, Erased, Maintenance, Mode, StoreError, StoredFile, StoredView, erasable,
};

/// A document could not be forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// There is no such document.
    #[error("no document {named:?} is known to the state in {}", state.display())]
    Unknown {
        /// As it was named.
        named: String,
        /// The state folder.
        state: PathBuf,
    },
    /// There are several.
    #[error("{named:?} is the path of several documents: {ids}")]
    Several {
        /// As it was named.
        named: String,
        /// Their ids and places.
        ids: String,
    },
    /// It cannot be told what other documents stand for.
    #[error(
        "what document {doc} is made of is damaged in the state: what else must stay is not known"
    )]
    Damaged {
        /// Which.
        doc: DocId,
    },
    /// The rows of a view were derived by another version.
    #[error("the tables in {output} were made by another version of weir, or to another schema")]
    Derivation {
        /// Which.
        output: String,
    },
    /// The state.
    #[error("could not work on the state")]
    State(#[from] StoreError),
    /// The output.
    #[error("could not work on the tables in {output}")]
    Output {
        /// Which.
        output: String,
        /// Why.
        #[source]
        cause: SinkError,
    },
    /// The state or an output.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The tables could not be published anew.
    #[error("could not publish the tables in {output} anew")]
    Run {
        /// Which.
        output: String,
        /// Why.
        #[source]
        cause: RunError,
    },
    /// Publishing them ended early.
    #[error("could not publish the tables in {output} anew: {why}")]
    Ended {
        /// Which.
        output: String,
        /// Why.
        why: String,
    },
}

/// A document that is to be forgotten, and what that means.
#[derive(Clone, Debug)]
pub struct Target {
    /// The document.
    pub doc: DocId,
    /// Where its file is, or was, if that is known.
    pub path: Option<PathBuf>,
    /// The views whose tables show it.
    pub shown: Vec<StoredView>,
    /// All other views, whose older snapshots may.
    pub others: Vec<StoredView>,
    /// What goes from the state.
    pub erases: Erased,
}

impl Target {
    /// Whether its file is there: then the next run reads it again.
    #[must_use]
    pub fn file_stays(&self) -> bool {
        self.path.as_deref().is_some_and(Path::exists)
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Views that were published anew.
    pub views: u64,
    /// Older snapshots that were deleted.
    pub snapshots: u64,
    /// Change logs that were deleted.
    pub logs: u64,
    /// What went from the state.
    pub erased: Erased,
}

/// Finds a document by its id, its path in the tables, or the path of its file. Works while a run goes on.
///
/// # Errors
/// If there is none, or several.
pub fn find(state: &Path, named: &str) -> Result<Target, ForgetError> {
    let database = Database::open(state, Mode::Read)?;
    let views = database.views()?;
    let wanted = DocId::parse(named);
    let given = std::path::absolute(named).unwrap_or_else(|_| named.into());
    let mut found: BTreeMap<DocId, (Option<PathBuf>, BTreeSet<usize>)> = BTreeMap::new();
    for (place, view) in views.iter().enumerate() {
        for file in database.files(view.id)? {
            let root = root_of(view, &file.root);
            let path = root.as_ref().map(|root| below(root, &file.path));
            let labelled = view.view.roots.len() > 1;
            let named_so = wanted == Some(file.doc)
                || path.as_ref() == Some(&given)
                || (!labelled && file.path == named)
                || (labelled && format!("{}/{}", file.root, file.path) == named);
            if named_so {
                let entry = found.entry(file.doc).or_default();
                entry.0 = path.or(entry.0.take());
                entry.1.insert(place);
            }
        }
    }
    if found.len() > 1 {
        let ids = found.iter().map(|(doc, (path, _))| {
            let path = path
                .as_ref()
                .map_or(String::new(), |path| format!(" ({})", path.display()));
            format!("{doc}{path}")
        });
        return Err(ForgetError::Several {
            named: named.to_owned(),
            ids: ids.collect::<Vec<_>>().join(", "),
        });
    }
    let (doc, (path, places)) = match found.pop_first() {
        Some(found) => found,
        // Its file may be gone since, and be known to older snapshots alone.
        None => (past(&database, &views, wanted, &given)?)
            .map(|(doc, path)| (doc, (path, BTreeSet::new())))
            .ok_or_else(|| ForgetError::Unknown {
                named: named.to_owned(),
                state: state.to_owned(),
            })?,
    };
    let kept = kept(&database, doc)?;
    let (shown, others): (Vec<_>, Vec<_>) = views
        .into_iter()
        .enumerate()
        .partition(|(place, _)| places.contains(place));
    let plain = |views: Vec<(usize, StoredView)>| views.into_iter().map(|(_, view)| view).collect();
    Ok(Target {
        doc,
        path,
        shown: plain(shown),
        others: plain(others),
        erases: erasable(state, doc, &kept)?,
    })
}

/// A document that is in no view any more, but has left something behind.
fn past(
    database: &Database,
    views: &[StoredView],
    wanted: Option<DocId>,
    given: &Path,
) -> Result<Option<(DocId, Option<PathBuf>)>, ForgetError> {
    let mut candidates: Vec<(DocId, Option<PathBuf>)> =
        wanted.map(|doc| (doc, None)).into_iter().collect();
    for view in views {
        for (label, root) in view
            .view
            .roots
            .iter()
            .filter_map(|root| root.split_once('='))
        {
            let relative = match given.strip_prefix(root) {
                Ok(rest) if rest.as_os_str().is_empty() => given.file_name().map(Path::new),
                Ok(rest) => Some(rest),
                Err(_) => None,
            };
            if let Some(relative) = relative.and_then(Path::to_str) {
                let doc = DocId::of(&[label.as_bytes(), relative.as_bytes()]);
                candidates.push((doc, Some(given.to_owned())));
            }
        }
    }
    let mut versions = BTreeSet::new();
    database.every_version(|doc, _| {
        versions.insert(doc);
    })?;
    let left = |doc: DocId| {
        let snapshots = views.iter().flat_map(|view| {
            let folder = Path::new(&view.view.output).join("snapshots");
            std::fs::read_dir(folder).into_iter().flatten().flatten()
        });
        versions.contains(&doc)
            || snapshots
                .into_iter()
                .any(|snapshot| holds(&snapshot.path(), doc).unwrap_or(false))
    };
    Ok(candidates.into_iter().find(|(doc, _)| left(*doc)))
}

/// Where a root of a view lies.
fn root_of(view: &StoredView, label: &str) -> Option<PathBuf> {
    let path = |root: &String| Some(PathBuf::from(root.strip_prefix(label)?.strip_prefix('=')?));
    view.view.roots.iter().find_map(path)
}

/// A file below a root, which may be that file itself.
fn below(root: &Path, relative: &str) -> PathBuf {
    if root.is_file() {
        root.to_owned()
    } else {
        root.join(relative)
    }
}

/// The fingerprints that any other document stands for.
fn kept(database: &Database, doc: DocId) -> Result<BTreeSet<Fingerprint>, ForgetError> {
    let mut kept = BTreeSet::new();
    let mut damaged = None;
    database.every_version(|other, chunks| {
        if other == doc {
            return;
        }
        match chunks.map(versions::fingerprints) {
            Some(Ok(fingerprints)) => kept.extend(fingerprints),
            _ => damaged = Some(other),
        }
    })?;
    match damaged {
        Some(doc) => Err(ForgetError::Damaged { doc }),
        None => Ok(kept),
    }
}

/// Forgets a document.
///
/// # Errors
/// If a run goes on, or state or output cannot be written: the same command goes on from there.
pub async fn forget(state: &Path, target: &Target, wall: &Wall) -> Result<Forgotten, ForgetError> {
    let mut done = Forgotten::default();
    let house = House::enter(state, [0; 16])?;
    let database = house.database();
    for view in target.shown.iter().chain(&target.others) {
        let output = &view.view.output;
        // Nothing is made where nothing is: a view that was never published, or tables that were thrown away.
        if Path::new(output)
            .join("current")
            .symlink_metadata()
            .is_err()
        {
            continue;
        }
        let failed = |cause| ForgetError::Output {
            output: output.clone(),
            cause,
        };
        let schema = database.answer_schema(view.id)?;
        let schema = schema.and_then(|text| serde_json::from_str(&text).ok());
        let order = order(state, view, schema.unwrap_or(Value::Bool(true)), wall);
        let mut publisher = Local::open(Path::new(output), wall()).map_err(failed)?;
        // It waits for the state to write, which no asynchronous task may.
        tokio::task::block_in_place(|| settle(database, &mut publisher, view.id, &order))?;
        let ours = publisher
            .current()
            .is_some_and(|current| current.manifest().info.view == view.id.to_string());
        if ours && target.shown.iter().any(|shown| shown.id == view.id) {
            republish(&order, &house, publisher, view, target.doc).await?;
            done.views += 1;
            publisher = Local::open(Path::new(output), wall()).map_err(failed)?;
        }
        let (snapshots, logs) = publisher.erase(target.doc).map_err(failed)?;
        done.snapshots += snapshots;
        done.logs += logs;
    }
    drop(house);
    let mut maintenance = Maintenance::open(state)?;
    let kept = kept(&Database::open(state, Mode::Read)?, target.doc)?;
    done.erased = maintenance.erase(target.doc, &kept)?;
    maintenance.compact()?;
    Ok(done)
}

/// Publishes a view from the ledger, without a document.
async fn republish(
    order: &Order,
    house: &Arc<House>,
    publisher: Local,
    view: &StoredView,
    doc: DocId,
) -> Result<(), ForgetError> {
    let output = || view.view.output.clone();
    let database = house.database();
    let Some(before) = database.view(view.id)? else {
        return Ok(());
    };
    // Neither by another weir, nor to a schema that has not been published yet.
    let form = form(&order.question.schema);
    let version = format!("{}/{}/", super::open::DERIVATION, form.id());
    if !before.derivation.starts_with(&version) {
        return Err(ForgetError::Derivation { output: output() });
    }
    let known: Vec<StoredFile> = database.files(view.id)?;
    let (gone, stay): (Vec<_>, Vec<_>) = known.into_iter().partition(|file| file.doc == doc);
    let on_disk = publisher
        .current_epoch_on_disk()
        .map_err(|cause| ForgetError::Output {
            output: output(),
            cause,
        })?;
    let steps = gone.into_iter().map(|file| {
        Step::Gone(StoredFile {
            version: None,
            ..file
        })
    });
    let opened = Opened {
        house: Arc::clone(house),
        gate: Gate::new(0),
        terms: Terms::default(),
        notes: Vec::new(),
        publisher: publisher.holding(Layout::of(&form)),
        view: view.id,
        start: before.epoch.max(on_disk.unwrap_or(0)),
        derivation: before.derivation.clone(),
        before: Some(before),
        listing: Listing {
            files: stay.iter().map(listed).collect(),
            problems: Vec::new(),
        },
        changes: Changes {
            steps: steps.chain(stay.iter().cloned().map(Step::Known)).collect(),
            ..Changes::default()
        },
        trust: Trust::Versions,
        known: stay,
    };
    let run = |cause| ForgetError::Run {
        output: output(),
        cause,
    };
    let validator = validator(order).map_err(run)?;
    let live = Live::default();
    let chance = fastrand::Rng::with_seed(order.seed);
    let report = carry_out(order, &live, opened, validator, chance)
        .await
        .map_err(run)?;
    match report.map(|report| report.ending) {
        Some(None) => Ok(()),
        Some(Some(ending)) => Err(ForgetError::Ended {
            output: output(),
            why: ending.to_string(),
        }),
        None => Err(ForgetError::Ended {
            output: output(),
            why: "they differ even from nothing".to_owned(),
        }),
    }
}

/// A file of the manifest as one that is there: only its name counts.
fn listed(file: &StoredFile) -> SourceFile {
    SourceFile {
        doc: file.doc,
        root: file.root.clone(),
        relative: file.path.clone(),
        path: PathBuf::new(),
        sidecar: None,
        looks: Looks {
            size: file.size,
            mtime_ns: file.mtime_ns,
            inode: file.inode,
        },
    }
}

/// An order that derives a view's tables from what is known, and asks nothing.
fn order(state: &Path, view: &StoredView, schema: Value, wall: &Wall) -> Order {
    let root = |root: &String| {
        let (label, path) = root.split_once('=').unwrap_or(("", root));
        Root {
            label: label.to_owned(),
            path: path.into(),
        }
    };
    let nothing = PromptId([0; 16]);
    Order {
        dataflow: view.view.dataflow.clone(),
        roots: view.view.roots.iter().map(root).collect(),
        files: walk::Options::default(),
        reading: Reading {
            chunk: chunk::Options::default(),
            metadata: None,
            value_min: 0,
            labelled: view.view.roots.len() > 1,
            hash: String::new(),
        },
        question: Arc::new(Question {
            prompt: "".into(),
            prompt_id: nothing,
            schema: Arc::new(schema),
            schema_id: SchemaId([0; 16]),
            schema_name: "nothing".into(),
            model: "nothing".into(),
            parameters: Arc::new(Map::new()),
        }),
        context: KeyContext {
            prompt: nothing,
            schema: SchemaId([0; 16]),
            model: String::new(),
            parameters: String::new(),
        },
        provider: Arc::new(Rules),
        paid: false,
        price: Some(Price {
            input: 0.0,
            cached: 0.0,
            output: 0.0,
        }),
        account: Account::of("nobody", None),
        limits: Limits::default(),
        weight: 1,
        caps: Caps::default(),
        monthly: None,
        shared: None,
        client: client::Options::default(),
        output: PathBuf::from(&view.view.output),
        state: state.to_owned(),
        workers: 1,
        plan: view.plan.clone(),
        allow: Allow::default(),
        rehash: false,
        retry_failures: false,
        watch: false,
        scope: Scope::AsPublished,
        wall: Arc::clone(wall),
        seed: fastrand::u64(..),
        // One snapshot, at the end: on the way, documents would seem to be missing.
        timing: Timing {
            publish: Duration::MAX,
            ..Timing::default()
        },
        job: None,
    }
}
