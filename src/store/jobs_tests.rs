//! Jobs: kept with what tells of them, over a restart too.

use super::jobs::*;
use super::testing::{fresh, write};
use crate::model::id::JobId;
use crate::model::unit::Micros;

fn new(n: u8, request: Option<(&str, u8)>) -> NewJob {
    NewJob {
        job: JobId([n; 16]),
        spec: format!("{{\"n\":{n}}}"),
        state: "queued".to_owned(),
        priority: 0,
        created_at: Micros(i64::from(n)),
        request: request.map(|(key, hash)| (key.to_owned(), [hash; 32])),
    }
}

fn event(kind: &str) -> (String, String) {
    (kind.to_owned(), "{}".to_owned())
}

#[test]
fn the_same_request_makes_one_job() {
    let (_folder, database) = fresh();
    let submit = |job| database.submit(job, vec![event("state")]).wait().unwrap();
    assert_eq!(submit(new(1, Some(("a", 1)))), Submitted::New);
    assert_eq!(
        submit(new(2, Some(("a", 1)))),
        Submitted::Before(JobId([1; 16]))
    );
    assert_eq!(submit(new(3, Some(("a", 2)))), Submitted::Conflict);
    assert_eq!(submit(new(4, None)), Submitted::New);
    let jobs = database.jobs(None, None, 9).unwrap();
    let ids: Vec<u8> = jobs.iter().map(|job| job.job.0[0]).collect();
    assert_eq!(ids, [4, 1]);
    let older = database.jobs(None, Some(jobs[0].number), 9).unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!(database.job_states().unwrap(), [("queued".to_owned(), 2)]);
}

#[test]
fn a_change_and_what_tells_of_it_survive_together() {
    let (folder, database) = fresh();
    database
        .submit(new(1, None), vec![event("state")])
        .wait()
        .unwrap();
    let id = JobId([1; 16]);
    let change = |state: &str, moved, at| JobChange {
        state: Some((state.to_owned(), None, Micros(at))),
        moved,
        events: vec![event("state"), event("progress")],
        at: Micros(at),
        progress: Some("{\"done\":1}".to_owned()),
        deliveries: vec![("webhook".to_owned(), "{}".to_owned())],
        ..JobChange::default()
    };
    let run = database.change_job(id, change("running", Moved::Started, 5));
    assert_eq!(run.wait().unwrap(), Some(3));
    let end = database.change_job(id, change("complete", Moved::Ended, 9));
    assert_eq!(end.wait().unwrap(), Some(5));
    drop(database);
    let database = write(folder.path()).unwrap();
    let job = database.job(id).unwrap().unwrap();
    assert_eq!((job.state.as_str(), job.runs), ("complete", 1));
    assert_eq!(
        (job.started_at, job.ended_at),
        (Some(Micros(5)), Some(Micros(9)))
    );
    assert_eq!(job.progress.as_deref(), Some("{\"done\":1}"));
    let events = database.job_events(id, 2, 9).unwrap();
    let places: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(places, [3, 4, 5]);
    let again = database.change_job(id, change("queued", Moved::Again, 11));
    again.wait().unwrap();
    assert_eq!(database.job(id).unwrap().unwrap().ended_at, None);
    let absent = database.change_job(JobId([9; 16]), JobChange::default());
    assert_eq!(absent.wait().unwrap(), None);
}

#[test]
fn deliveries_wait_until_they_are_done() {
    let (_folder, database) = fresh();
    database.submit(new(1, None), Vec::new()).wait().unwrap();
    let id = JobId([1; 16]);
    let owes = JobChange {
        deliveries: vec![("mail".to_owned(), "{}".to_owned())],
        at: Micros(10),
        ..JobChange::default()
    };
    database.change_job(id, owes).wait().unwrap();
    assert_eq!(database.deliveries(Micros(9), 9).unwrap(), []);
    let due = database.deliveries(Micros(10), 9).unwrap();
    let again = Some((Micros(50), "no route".to_owned()));
    database.delivered(due[0].delivery, again).wait().unwrap();
    assert_eq!(database.deliveries(Micros(49), 9).unwrap(), []);
    let due = database.deliveries(Micros(50), 9).unwrap();
    assert_eq!((due.len(), due[0].attempts), (1, 1));
    database.delivered(due[0].delivery, None).wait().unwrap();
    assert_eq!(database.deliveries(Micros(99), 9).unwrap(), []);
    assert!(database.delete_job(id).wait().unwrap());
    assert!(!database.delete_job(id).wait().unwrap());
}

#[test]
fn a_channel_that_owes_much_leaves_room_for_the_others() {
    let (_folder, database) = fresh();
    database.submit(new(1, None), Vec::new()).wait().unwrap();
    let owes = |channel: &str, at| JobChange {
        deliveries: vec![(channel.to_owned(), "{}".to_owned())],
        at: Micros(at),
        ..JobChange::default()
    };
    let id = JobId([1; 16]);
    for at in 1..=5 {
        database.change_job(id, owes("mail", at)).wait().unwrap();
    }
    database.change_job(id, owes("hook", 6)).wait().unwrap();
    let due = database.deliveries(Micros(9), 2).unwrap();
    let due: Vec<_> = due
        .iter()
        .map(|one| (one.channel.as_str(), one.next_at.0))
        .collect();
    assert_eq!(due, [("mail", 1), ("mail", 2), ("hook", 6)]);
}

#[test]
fn old_progress_goes_and_all_else_stays() {
    let (_folder, database) = fresh();
    database
        .submit(new(1, None), vec![event("state"), event("progress")])
        .wait()
        .unwrap();
    let id = JobId([1; 16]);
    let many = JobChange {
        events: (0..8192).map(|_| event("progress")).collect(),
        ..JobChange::default()
    };
    assert_eq!(database.change_job(id, many).wait().unwrap(), Some(8194));
    let left = database.job_events(id, 0, u32::MAX).unwrap();
    assert_eq!((left[0].seq, left[0].kind.as_str()), (1, "state"));
    assert_eq!(left[1].seq, 8192 - 4096 + 1);
}
