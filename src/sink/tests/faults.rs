//! Crashes between steps, damage, locks, things in the way, and readers while snapshots are swapped.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{of, publish, rows};
use crate::model::unit::Micros;
use crate::sink::files::names;
use crate::sink::{Base, Local, Log, Publisher, SinkError, Snapshot, Table, read_table, sample};

fn open(folder: &Path) -> Result<Local, SinkError> {
    Local::open(folder, sample::NOW)
}

fn prepare(local: &mut Local, epoch: u64, entities: std::ops::Range<u32>) -> crate::sink::Prepared {
    let changes = sample::come(entities.map(|id| sample::entity(id, 1)));
    let info = sample::info(sample::NOW);
    local
        .prepare(epoch, &mut of(changes), Base::Current, Log::Write, info)
        .unwrap()
}

/// What a process leaves that dies after `prepare`, and after each step of `swap`.
#[test]
fn every_step_can_be_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut local = open(path).unwrap();
    let prepared = prepare(&mut local, 1, 0..3);
    local.swap(prepared).unwrap();
    assert!(names(&path.join("changes/entities")).unwrap() == ["000000000001.parquet"]);

    // Prepared: readers see nothing of it; it can be resumed, or discarded twice.
    prepare(&mut local, 2, 3..5);
    drop(local);
    let mut local = open(path).unwrap();
    assert_eq!(rows(path, Table::Entities).len(), 3);
    assert_eq!(local.current_epoch_on_disk().unwrap(), Some(1));
    local.discard(2).unwrap();
    local.discard(2).unwrap();
    assert!(local.resume(2).unwrap().is_none());
    assert_eq!(names(&path.join("changes/entities")).unwrap().len(), 1);
    prepare(&mut local, 2, 3..5);
    // Preparing again is allowed: it starts over.
    prepare(&mut local, 2, 3..6);
    drop(local);
    let mut local = open(path).unwrap();
    let resumed = local.resume(2).unwrap().unwrap();
    assert_eq!(resumed.manifest().base, Some(1));
    local.swap(resumed).unwrap();
    assert_eq!(rows(path, Table::Entities).len(), 6);

    // Died right after the swap of the link: logs and views are brought up to date.
    prepare(&mut local, 3, 6..7);
    drop(local);
    fs::remove_file(path.join("current")).unwrap();
    std::os::unix::fs::symlink("snapshots/000000000003", path.join("current")).unwrap();
    fs::create_dir_all(path.join(".staging/000000000009/entities")).unwrap();
    let mut local = open(path).unwrap();
    assert_eq!(local.current().unwrap().epoch(), 3);
    assert_eq!(names(&path.join("changes/entities")).unwrap().len(), 3);
    assert!(
        fs::read_to_string(path.join("views.sql"))
            .unwrap()
            .contains("000000000003/")
    );
    assert!(names(&path.join(".staging")).unwrap().is_empty());

    // What was prepared on another snapshot would undo the one between.
    let late = prepare(&mut local, 5, 7..8);
    let between = prepare(&mut local, 4, 8..9);
    local.swap(between).unwrap();
    assert!(matches!(
        local.swap(late),
        Err(SinkError::OtherBase { epoch: 5, base: 3 })
    ));
    assert_eq!(rows(path, Table::Entities).len(), 8);
    local.discard(5).unwrap();

    // The past is closed.
    let again = local.prepare(
        4,
        &mut of(BTreeMap::new()),
        Base::Empty,
        Log::Skip,
        sample::info(sample::NOW),
    );
    assert!(matches!(
        again,
        Err(SinkError::NotAfter {
            epoch: 4,
            current: 4
        })
    ));
    assert!(local.discard(4).is_err());
}

#[test]
fn damage_is_noticed_and_a_rebuild_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut local = open(path).unwrap();
    let prepared = prepare(&mut local, 1, 0..3);
    local.swap(prepared).unwrap();
    let part = {
        let current = local.current().unwrap();
        current
            .folder()
            .join("entities")
            .join(&current.parts(Table::Entities)[0].file)
    };
    let whole = fs::read(&part).unwrap();
    // Another content of the same length: found when it is read, not when it is looked at.
    let mut other = whole.clone();
    other[40] ^= 1;
    fs::write(&part, &other).unwrap();
    local.verify_present().unwrap();
    let changes = || sample::come([sample::entity(9, 1)]);
    let info = || sample::info(sample::NOW);
    let refused = local
        .prepare(2, &mut of(changes()), Base::Current, Log::Write, info())
        .unwrap_err();
    assert!(
        matches!(refused, SinkError::Damaged { .. }) && refused.storage(),
        "{refused}"
    );
    fs::write(&part, &whole[1..]).unwrap();
    assert!(matches!(
        local.verify_present(),
        Err(SinkError::Damaged { .. })
    ));
    fs::remove_file(&part).unwrap();
    assert!(matches!(local.verify_present(), Err(SinkError::Io { .. })));
    assert!(
        local
            .prepare(
                2,
                &mut of(BTreeMap::new()),
                Base::Current,
                Log::Write,
                info()
            )
            .is_err()
    );

    let rebuilt = local
        .prepare(2, &mut of(changes()), Base::Empty, Log::Skip, info())
        .unwrap();
    assert_eq!(rebuilt.manifest().base, None);
    local.swap(rebuilt).unwrap();
    local.verify_present().unwrap();
    assert_eq!(rows(path, Table::Entities).len(), 1);
    assert_eq!(names(&path.join("changes/entities")).unwrap().len(), 1);

    // Without its manifest a snapshot is none, but epochs go on after it.
    fs::write(path.join("current/manifest.json"), "{").unwrap();
    drop(local);
    let mut local = open(path).unwrap();
    assert!(local.current().is_none() && local.broken().is_some());
    assert_eq!(local.current_epoch_on_disk().unwrap(), Some(2));
    let prepared = prepare(&mut local, 3, 0..2);
    local.swap(prepared).unwrap();
    assert!(local.broken().is_none());
    assert_eq!(rows(path, Table::Entities).len(), 2);
}

#[test]
fn other_owners_and_other_things_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let local = open(path).unwrap();
    let refused = open(path).unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, SinkError::Locked { .. }), "{text}");
    assert!(text.contains(&std::process::id().to_string()) && text.contains("2026-01-05"));
    drop(local);
    open(path).unwrap();

    fs::write(path.join("file"), "").unwrap();
    for taken in ["file", "file/below"] {
        let refused = open(&path.join(taken)).unwrap_err();
        assert!(!refused.published(), "{refused}");
    }
    assert!(matches!(
        open(&path.join("file")),
        Err(SinkError::InTheWay { .. })
    ));

    for (name, make) in [
        ("mine", (|p| fs::create_dir_all(p).unwrap()) as fn(&Path)),
        ("yours", |p| fs::write(p, "x").unwrap()),
        ("elsewhere", |p| {
            std::os::unix::fs::symlink("/etc", p).unwrap();
        }),
    ] {
        let output = path.join(name);
        fs::create_dir_all(&output).unwrap();
        make(&output.join("current"));
        let refused = open(&output).unwrap_err();
        assert!(matches!(refused, SinkError::InTheWay { .. }), "{refused}");
    }
}

#[test]
fn old_snapshots_and_changes_go_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut local = open(path).unwrap();
    let minute = |minutes: i64| Micros(sample::NOW.0 + minutes * 60_000_000);
    let kept = |local: &mut Local, epoch: u32, at: Micros| {
        publish(
            local,
            epoch.into(),
            sample::come([sample::entity(epoch, 1)]),
            at,
        )
        .unwrap();
        let epochs = names(&path.join("snapshots")).unwrap();
        epochs
            .iter()
            .map(|name| name.parse().unwrap())
            .collect::<Vec<u64>>()
    };
    assert_eq!(kept(&mut local, 1, minute(0)), [1]);
    assert_eq!(kept(&mut local, 2, minute(500)), [1, 2]);
    assert_eq!(kept(&mut local, 3, minute(530)), [1, 2, 3]);
    // 1 was replaced at 500, 2 at 530.
    assert_eq!(kept(&mut local, 4, minute(559)), [1, 2, 3, 4]);
    assert_eq!(kept(&mut local, 5, minute(560)), [2, 3, 4, 5]);
    assert_eq!(kept(&mut local, 6, minute(10_000)), [5, 6]);
    // A clock that goes back removes nothing.
    assert_eq!(kept(&mut local, 7, minute(0)), [5, 6, 7]);
    assert_eq!(names(&path.join("changes/entities")).unwrap().len(), 7);
    kept(&mut local, 8, minute(7 * 24 * 60 + 530));
    let left = names(&path.join("changes/entities")).unwrap();
    assert_eq!(left.first().unwrap(), "000000000004.parquet");
    // The parts that stayed are one file, however many snapshots hold it.
    let current = local.current().unwrap();
    let file = &current.parts(Table::Calls)[0].file;
    let part = current.folder().join("calls").join(file);
    assert!(fs::metadata(part).unwrap().nlink() > 1);
}

/// Whoever follows `current` once sees one whole snapshot, however often it is swapped meanwhile.
#[test]
fn readers_see_whole_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut local = open(path).unwrap();
    let prepared = prepare(&mut local, 1, 0..1);
    local.swap(prepared).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let snapshot = Snapshot::open(&path.join("current")).unwrap();
                snapshot.verify_present().unwrap();
                let epoch = snapshot.epoch();
                let entities = read_table(snapshot.folder(), Table::Entities).unwrap();
                assert_eq!(entities.len() as u64, epoch);
                let relations = read_table(snapshot.folder(), Table::Relations).unwrap();
                assert_eq!(relations.len() as u64, epoch - 1);
                seen.push(epoch);
            }
            seen
        });
        for epoch in 2..40_u32 {
            let new = [sample::entity(epoch, 1), sample::relation(epoch, 1)];
            publish(&mut local, epoch.into(), sample::come(new), sample::NOW).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen.is_sorted() && seen.len() > 3, "{seen:?}");
    });
}
