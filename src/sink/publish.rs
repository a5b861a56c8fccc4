//! The publisher on a local folder.
//!
//! Order of a publication, each step synced before the next:
//! 1. `prepare`: everything is written below `.staging/<epoch>`, then renamed to `snapshots/<epoch>`. No reader
//!    looks there before the link says so. The change logs wait inside it, in `.changes`.
//! 2. `swap`: the link `current` is replaced by a rename. This is the commit point.
//! 3. The change logs move to `changes/`, `views.sql` is replaced, old snapshots go. If the process dies in
//!    between, [`Local::open`] does the rest.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::change::settle;
use super::error::SinkError;
use super::files::{
    create_dir, create_dir_to_last, io, names, remove_dir, remove_file, rename, sync_dir, write_new,
};
use super::group::Bounds;
use super::log::ChangeLog;
use super::manifest::{FORMAT, Manifest, ManifestInfo, TableInfo};
use super::parts::Rewriter;
use super::schema::{Layout, Table};
use super::snapshot::{MANIFEST, Prepared, SNAPSHOTS, Snapshot, epoch, name};
use super::{Base, Change, Changes, Log, Publisher, retain, views};
use crate::model::id::DocId;
use crate::model::unit::Micros;

pub(super) const CURRENT: &str = "current";
const STAGING: &str = ".staging";
const LOCK: &str = ".lock";
pub(super) const VIEWS: &str = "views.sql";
pub(super) const CHANGES: &str = "changes";
/// Where the change logs of a snapshot wait for its swap.
const WAITING: &str = ".changes";
/// What is read of a lock to name its owner.
const OWNER_BYTES: u64 = 200;

/// An output folder that this process alone writes to.
#[derive(Debug)]
pub struct Local {
    /// Absolute and resolved; UTF-8.
    root: PathBuf,
    bounds: Bounds,
    layout: Layout,
    current: Option<Snapshot>,
    broken: Option<SinkError>,
    /// Held for life; the system releases it whatever happens to the process.
    _lock: File,
}

impl Local {
    /// Opens an output folder, which is created if need be, and locks it; `now` goes into the lock.
    ///
    /// Leftovers of a process that died are cleared away or brought to their end.
    ///
    /// # Errors
    ///
    /// If another process has it, something is in the way, or the storage fails.
    pub fn open(output: &Path, now: Micros) -> Result<Self, SinkError> {
        Self::with_bounds(output, now, Bounds::USUAL)
    }

    pub(super) fn with_bounds(
        output: &Path,
        now: Micros,
        bounds: Bounds,
    ) -> Result<Self, SinkError> {
        if let Err(error) = create_dir_to_last(output) {
            if fs::metadata(output).is_ok_and(|found| !found.is_dir()) {
                let path = output.to_owned();
                let wanted = "a folder";
                return Err(SinkError::InTheWay { path, wanted });
            }
            return Err(error);
        }
        let root = fs::canonicalize(output).map_err(io("open", output))?;
        if root.to_str().is_none() {
            return Err(SinkError::NotUtf8 { path: root });
        }
        let lock = lock(&root, now)?;
        remove_dir(&root.join(STAGING))?;
        create_dir(&root.join(SNAPSHOTS))?;
        sync_dir(&root)?;
        let mut local = Self {
            root,
            bounds,
            layout: Layout::every(),
            current: None,
            broken: None,
            _lock: lock,
        };
        if let Some(epoch) = local.current_epoch_on_disk()? {
            match Snapshot::open(&local.snapshot(epoch)) {
                Ok(snapshot) => {
                    local.follow(&snapshot)?;
                    local.current = Some(snapshot);
                }
                Err(error) => local.broken = Some(error),
            }
        }
        Ok(local)
    }

    /// With these tables, for what is published from now on; without it, all there are.
    #[must_use]
    pub fn holding(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Why there is no current snapshot though `current` names one: it must be rebuilt on [`Base::Empty`].
    #[must_use]
    pub fn broken(&self) -> Option<&SinkError> {
        self.broken.as_ref()
    }

    /// The output folder, absolute and resolved.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Removes every change log, and every snapshot but the current one that holds a document or cannot be read; says
    /// how many of each went. Whoever reads one of them loses it: that is what is asked for.
    ///
    /// # Errors
    ///
    /// If the current snapshot holds the document or cannot be read, or the storage fails.
    pub fn erase(&mut self, doc: DocId) -> Result<(u64, u64), SinkError> {
        let current = self.current_epoch_on_disk()?;
        let (mut snapshots, mut logs) = (0, 0);
        for epoch in names(&self.root.join(SNAPSHOTS))?
            .iter()
            .filter_map(|name| epoch(name))
        {
            let folder = self.snapshot(epoch);
            let held = retain::holds(&folder, doc);
            if Some(epoch) == current {
                if held? {
                    let what = format!("it still holds document {doc}");
                    return Err(SinkError::Damaged { path: folder, what });
                }
            } else if held.unwrap_or(true) {
                retain::discard(&self.root, &self.staging(), epoch)?;
                snapshots += 1;
            }
        }
        sync_dir(&self.root.join(SNAPSHOTS))?;
        let changes = self.root.join(CHANGES);
        for table in names(&changes)? {
            logs += names(&changes.join(&table))?.len() as u64;
        }
        remove_dir(&changes)?;
        sync_dir(&self.root)?;
        Ok((snapshots, logs))
    }

    fn snapshot(&self, epoch: u64) -> PathBuf {
        self.root.join(SNAPSHOTS).join(name(epoch))
    }

    fn staging(&self) -> PathBuf {
        self.root.join(STAGING)
    }

    fn must_follow(&self, epoch: u64) -> Result<(), SinkError> {
        match self.current_epoch_on_disk()? {
            Some(current) if epoch <= current => Err(SinkError::NotAfter { epoch, current }),
            _ => Ok(()),
        }
    }

    /// Writes all of a snapshot into a folder.
    fn fill(
        &self,
        folder: &Path,
        mut manifest: Manifest,
        changes: &mut dyn Changes,
        log_changes: Log,
    ) -> Result<Manifest, SinkError> {
        let base = self.current.as_ref().filter(|_| manifest.base.is_some());
        let waiting = folder.join(WAITING);
        create_dir(&waiting)?;
        let mut tables = Vec::new();
        for table in self.layout.tables().iter().copied() {
            self.must_fit(table, base)?;
            let new = folder.join(table.name());
            create_dir(&new)?;
            let old = base.map_or((&[][..], PathBuf::new()), |base| {
                (base.parts(table), base.folder().join(table.name()))
            });
            let log = (log_changes == Log::Write).then(|| {
                let at = manifest.info.published_at.0.to_string();
                let path = waiting.join(format!("{}.parquet", table.name()));
                ChangeLog::new(&self.layout, table, manifest.epoch, at, path)
            });
            let rewriter = Rewriter::new(table, &self.layout, self.bounds, old, new.clone(), log);
            tables.push((table, rewriter, new));
        }
        while let Some(changes) = changes.of_documents()? {
            let mut of_tables: BTreeMap<Table, Vec<Change>> = BTreeMap::new();
            for change in changes {
                let table = change.row.table();
                of_tables.entry(table).or_default().push(change);
            }
            for (table, rewriter, _) in &mut tables {
                if let Some(changes) = of_tables.remove(table) {
                    rewriter.push(settle(*table, changes)?)?;
                }
            }
        }
        for (table, mut rewriter, new) in tables {
            rewriter.push(settle(table, changes.of_table(table)?)?)?;
            let parts = rewriter.finish()?;
            sync_dir(&new)?;
            let info = TableInfo {
                schema: table.version(),
                schema_id: self.layout.schema_id(table),
                rows: parts.iter().map(|part| part.rows).sum(),
                parts,
            };
            manifest.tables.insert(table.name().to_owned(), info);
        }
        sync_dir(&waiting)?;
        let path = folder.join(MANIFEST);
        let text = match serde_json::to_vec_pretty(&manifest) {
            Ok(text) => text,
            Err(source) => return Err(SinkError::Manifest { path, source }),
        };
        write_new(&path, &text)?;
        sync_dir(folder)?;
        Ok(manifest)
    }

    /// Whether a table of the snapshot that is built on has the columns of now.
    fn must_fit(&self, table: Table, base: Option<&Snapshot>) -> Result<(), SinkError> {
        let Some(base) = base else { return Ok(()) };
        let base = base.manifest().tables.get(table.name());
        let found = base.map_or(0, |info| info.schema);
        let wanted = table.version();
        let same = base.is_some_and(|info| info.schema_id == self.layout.schema_id(table));
        if found != wanted || !same {
            return Err(SinkError::OtherSchema {
                table,
                found,
                wanted,
            });
        }
        Ok(())
    }

    /// Everything that follows from a snapshot being current; does again what a dead process left undone.
    fn follow(&self, snapshot: &Snapshot) -> Result<(), SinkError> {
        let waiting = snapshot.folder().join(WAITING);
        let changes = self.root.join(CHANGES);
        for file in names(&waiting)? {
            let Some(table) = file.strip_suffix(".parquet").and_then(Table::parse) else {
                continue;
            };
            let folder = changes.join(table.name());
            create_dir_to_last(&folder)?;
            let to = folder.join(format!("{}.parquet", name(snapshot.epoch())));
            rename(&waiting.join(&file), &to)?;
            sync_dir(&folder)?;
        }
        remove_dir(&waiting)?;
        self.write_views(snapshot)?;
        sync_dir(&self.root)?;
        retain::snapshots(&self.root, &self.staging(), snapshot)?;
        retain::changes(&changes, snapshot.manifest().info.published_at)
    }

    fn write_views(&self, snapshot: &Snapshot) -> Result<(), SinkError> {
        let path = self.root.join(VIEWS);
        let Some(folder) = snapshot.folder().to_str() else {
            let path = snapshot.folder().to_owned();
            return Err(SinkError::NotUtf8 { path });
        };
        let text = views::text(snapshot.manifest(), folder);
        if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            return Ok(());
        }
        create_dir(&self.staging())?;
        let new = self.staging().join(VIEWS);
        remove_file(&new)?;
        write_new(&new, text.as_bytes())?;
        rename(&new, &path)
    }
}

impl Publisher for Local {
    fn current(&self) -> Option<&Snapshot> {
        self.current.as_ref()
    }

    fn current_epoch_on_disk(&self) -> Result<Option<u64>, SinkError> {
        let path = self.root.join(CURRENT);
        let target = match fs::read_link(&path) {
            Ok(target) => target,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidInput => PathBuf::new(),
            Err(error) => return Err(io("read", &path)(error)),
        };
        let parsed = target
            .strip_prefix(SNAPSHOTS)
            .ok()
            .and_then(Path::to_str)
            .and_then(epoch);
        match parsed {
            Some(epoch) => Ok(Some(epoch)),
            None => Err(SinkError::InTheWay {
                path,
                wanted: "a link to a snapshot",
            }),
        }
    }

    fn verify_present(&self) -> Result<(), SinkError> {
        self.current
            .as_ref()
            .map_or(Ok(()), Snapshot::verify_present)
    }

    fn prepare(
        &mut self,
        epoch: u64,
        changes: &mut dyn Changes,
        base: Base,
        log: Log,
        info: ManifestInfo,
    ) -> Result<Prepared, SinkError> {
        self.must_follow(epoch)?;
        let staged = self.staging().join(name(epoch));
        remove_dir(&staged)?;
        create_dir(&staged)?;
        let current = self.current.as_ref().filter(|_| base == Base::Current);
        let manifest = Manifest {
            weir: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            epoch,
            base: current.map(Snapshot::epoch),
            info,
            tables: BTreeMap::new(),
        };
        let filled = self
            .fill(&staged, manifest, changes, log)
            .and_then(|manifest| {
                let folder = self.snapshot(epoch);
                retain::discard(&self.root, &self.staging(), epoch)?;
                rename(&staged, &folder)?;
                sync_dir(&self.root.join(SNAPSHOTS))?;
                Ok(Prepared(Snapshot::new(folder, manifest)))
            });
        if filled.is_err() {
            // Gives the space back at once; if it cannot, the next start does.
            remove_dir(&staged).ok();
        }
        filled
    }

    fn resume(&self, epoch: u64) -> Result<Option<Prepared>, SinkError> {
        self.must_follow(epoch)?;
        let folder = self.snapshot(epoch);
        if fs::symlink_metadata(&folder).is_err() {
            return Ok(None);
        }
        let snapshot = Snapshot::open(&folder)?;
        snapshot.verify_present()?;
        Ok(Some(Prepared(snapshot)))
    }

    fn swap(&mut self, prepared: Prepared) -> Result<(), SinkError> {
        let Prepared(snapshot) = prepared;
        let epoch = snapshot.epoch();
        self.must_follow(epoch)?;
        if let Some(base) = snapshot.manifest().base
            && self.current_epoch_on_disk()? != Some(base)
        {
            return Err(SinkError::OtherBase { epoch, base });
        }
        create_dir(&self.staging())?;
        let link = self.staging().join(CURRENT);
        remove_file(&link)?;
        let target = Path::new(SNAPSHOTS).join(name(epoch));
        symlink(&target, &link).map_err(io("link", &link))?;
        rename(&link, &self.root.join(CURRENT))?;
        let done = sync_dir(&self.root).and_then(|()| self.follow(&snapshot));
        self.current = Some(snapshot);
        self.broken = None;
        done.map_err(|source| SinkError::AfterSwap {
            epoch,
            source: Box::new(source),
        })
    }

    fn discard(&mut self, epoch: u64) -> Result<(), SinkError> {
        self.must_follow(epoch)?;
        remove_dir(&self.staging().join(name(epoch)))?;
        retain::discard(&self.root, &self.staging(), epoch)?;
        sync_dir(&self.root.join(SNAPSHOTS))
    }
}

/// Takes the lock of an output folder, or says who has it.
fn lock(root: &Path, now: Micros) -> Result<File, SinkError> {
    let path = root.join(LOCK);
    let options = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .clone();
    let mut file = options.open(&path).map_err(io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // The name is a courtesy: a lock without one is a lock all the same.
            file.take(OWNER_BYTES).read_to_string(&mut owner).ok();
            let known = owner.trim();
            let owner = if known.is_empty() {
                "another process"
            } else {
                known
            }
            .to_owned();
            let path = root.to_owned();
            return Err(SinkError::Locked { path, owner });
        }
        Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
    }
    let owner = format!("process {} since {now}\n", std::process::id());
    file.set_len(0).map_err(io("write", &path))?;
    file.write_all(owner.as_bytes())
        .map_err(io("write", &path))?;
    Ok(file)
}
