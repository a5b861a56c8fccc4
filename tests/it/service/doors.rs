//! Who gets in, and what nobody gets out: tokens, hosts, foreign pages, paths, sizes.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::{answering, folder, id, talks};
use crate::harness::binary::{Weir, until};
use crate::harness::client::Service;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn other_hosts_and_foreign_pages_are_not_heard() {
    let weir = Weir::new();
    let service = Service::start(&weir, &[]);
    let own = service.address.clone();
    let port = own.rsplit_once(':').unwrap().1;
    let ask = |host: &str, origin: &str| {
        let mut headers = vec![("host", host)];
        if !origin.is_empty() {
            headers.push(("origin", origin));
        }
        service.ask("GET", "/api/v1/jobs", &headers, b"").status
    };
    assert_eq!(ask(&own, ""), 200);
    assert_eq!(
        ask(
            &format!("localhost:{port}"),
            &format!("http://localhost:{port}")
        ),
        200
    );
    assert_eq!(ask("evil.example", ""), 403);
    assert_eq!(ask(&format!("evil.example:{port}"), ""), 403);
    assert_eq!(ask(&own, "http://evil.example"), 403);
    assert_eq!(ask(&own, "null"), 403);
    // Two hosts, or two senders, are none.
    for (name, own) in [("host", own.clone()), ("origin", format!("http://{own}"))] {
        let both = [
            ("host", service.address.as_str()),
            (name, &own),
            (name, "http://evil.example"),
        ];
        let both = &both[usize::from(name == "host")..];
        service.ask("GET", "/api/v1/jobs", both, b"").is(403);
    }
    // A form of another site cannot send this type.
    let form = [("content-type", "text/plain")];
    let body = br#"{"dataflow":"topics","samples":true}"#;
    service.ask("POST", "/api/v1/jobs", &form, body).is(415);
    let page = service.get("/").is(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    service.get("/docs").is(200);
    service.get("/assets/app.js").is(200);
    service.get("/assets/../Cargo.toml").is(404);
    service.get("/healthz").is(200);
    service.get("/readyz").is(200);
    let api = service.get("/api/v1/openapi.json").is(200).json();
    assert!(api["paths"].as_object().unwrap().len() >= 15);
}

#[test]
fn tokens_are_needed_where_there_are_some_and_change_while_it_runs() {
    let weir = Weir::new().with("WEIR_TOKENS_FILE", "tokens");
    weir.write("tokens", format!("ada:{TOKEN}\n"));
    private(&weir, "tokens");
    let service = Service::start(&weir, &[]);
    let with = |path: &str, token: &str| {
        let value = format!("Bearer {token}");
        service
            .ask("GET", path, &[("authorization", &value)], b"")
            .status
    };
    for path in [
        "/api/v1/jobs",
        "/metrics",
        "/api/v1/system",
        "/api/v1/jobs/0",
    ] {
        let refused = service.get(path).is(401);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"), "{path}");
        assert_eq!(
            with(path, "0123456789abcdef0123456789abcdee"),
            401,
            "{path}"
        );
        assert_ne!(with(path, TOKEN), 401, "{path}");
    }
    service.get("/").is(200);
    service.get("/healthz").is(200);
    let new = "fedcba9876543210fedcba9876543210";
    weir.write("tokens", format!("bo:{new}\n"));
    private(&weir, "tokens");
    service.running.signal("-HUP");
    until("the new token holds", || with("/api/v1/jobs", new) == 200);
    assert_eq!(with("/api/v1/jobs", TOKEN), 401);
    // A file that cannot be used changes nothing.
    weir.write("tokens", "x:short\n");
    private(&weir, "tokens");
    service.running.signal("-HUP");
    until("it says so", || {
        service.running.said().contains("tokens stay")
    });
    assert_eq!(with("/api/v1/jobs", new), 200);
    assert!(!service.running.said().contains(new));
}

fn private(weir: &Weir, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(weir.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn without_tokens_it_stays_on_this_machine() {
    let weir = Weir::new();
    let ended = weir.run(&["serve", "--listen", "0.0.0.0:0"]);
    ended.is(2, &["can be reached from elsewhere", "WEIR_TOKENS_FILE"]);
    weir.write("weir.toml", "[service]\nlisten_to = \"x\"\n");
    weir.run(&["serve", "--listen", "127.0.0.1:0"])
        .is(2, &["weir.toml", "listen_to"]);
    weir.write("weir.toml", "[service]\nroots = [\"nowhere\"]\n");
    weir.run(&["serve", "--listen", "127.0.0.1:0"])
        .is(2, &["nowhere"]);
    weir.write("weir.toml", "");
    let service = Service::start(&weir, &[]);
    // The state is one process's.
    weir.run(&["serve", "--listen", "127.0.0.1:0"])
        .is(2, &["in use"]);
    weir.run(&["run", "topics", "--quiet"]).is(2, &["in use"]);
    weir.run(&["serve", "--state", "other", "--listen", &service.address])
        .is(2, &["could not listen"]);
}

#[test]
fn paths_stay_below_the_roots_and_servers_with_the_operator() {
    let provider = answering(0);
    let weir = folder(&provider, "roots = [\"talks\"]");
    weir.write(
        "talks/inner/a.txt",
        "Ana: The committee met Bo Chan of Tide Works about the pump on Friday.\n",
    );
    weir.write(
        "secret/b.txt",
        "Ana: The committee met Bo Chan of Tide Works about the pump on Friday.\n",
    );
    symlink(weir.path("secret"), weir.path("talks/out")).unwrap();
    let service = Service::start(&weir, &[]);
    let submit = |folder: &str| {
        let body = json!({"dataflow": "topics", "provider": "rules", "folder": folder});
        service.post("/api/v1/jobs", &body).status
    };
    let talks = weir.path("talks").canonicalize().unwrap();
    assert_eq!(submit("inner"), 202);
    assert_eq!(submit(talks.to_str().unwrap()), 202);
    let secret = weir.path("secret").display().to_string();
    for bad in [
        "/etc",
        "..",
        "../secret",
        "inner/../../secret",
        "out",
        &secret,
        "nowhere",
        "",
        "inner/../..",
        "\u{0}",
        "/proc/self/root",
    ] {
        let status = submit(bad);
        assert!(status == 403 || status == 422, "{bad:?}: {status}");
    }
    for body in [
        json!({"dataflow": "topics", "samples": true, "base_url": "http://127.0.0.1:1"}),
        json!({"dataflow": "topics", "samples": true, "key": "sk"}),
        json!({"dataflow": "topics"}),
    ] {
        let status = service.post("/api/v1/jobs", &body).status;
        assert!(status == 400 || status == 422, "{body}: {status}");
    }
    for (field, value) in [
        ("dataflow", "../x"),
        ("dataflow", "/etc/passwd"),
        ("dataflow", "none"),
        ("model", "gpt-5"),
    ] {
        let mut body = json!({"dataflow": "topics", "samples": true});
        body[field] = value.into();
        let status = service.post("/api/v1/jobs", &body).status;
        assert!(status == 403 || status == 422, "{body}: {status}");
    }
    let wanted =
        |name: &str| json!({"dataflow": "topics", "provider": "rules", "collection": name});
    for name in ["..", "../x", "a/b", ".hidden", ""] {
        service.upload(&wanted(name), &talks_of(1)).is(422);
    }
    for name in ["../x.txt", "/etc/x.txt", "a/../../x.txt"] {
        service
            .upload(&wanted("a"), &[(name.to_owned(), b"Ana: hello".to_vec())])
            .is(400);
    }
    assert!(!weir.path(".weir/x.txt").exists() && !weir.path("x.txt").exists());
    assert_eq!(
        std::fs::read_dir(weir.path(".weir/uploads"))
            .unwrap()
            .count(),
        0,
        "nothing is left behind"
    );
}

fn talks_of(count: usize) -> Vec<(String, Vec<u8>)> {
    talks("pumps", count)
}

#[test]
fn what_is_too_large_or_too_slow_is_refused_and_jobs_go_on() {
    let provider = answering(30);
    let weir = folder(&provider, "max_upload_mb = 1\nevent_clients = 3");
    let service = Service::start(&weir, &[]);
    let wanted = json!({"dataflow": "topics", "collection": "board", "model": "m"});
    let job = id(&service.upload(&wanted, &talks("pumps", 40)).is(202).json());
    let large = vec![("a.txt".to_owned(), vec![b'a'; 3 << 20])];
    service.upload(&wanted, &large).is(413);
    let long = json!({"dataflow": "x".repeat(1 << 20), "samples": true});
    service.post("/api/v1/jobs", &long).is(413);
    let bomb = vec![("a.zip".to_owned(), b"PK\x03\x04 no archive".to_vec())];
    service.upload(&wanted, &bomb).is(422);
    // Idle listeners are bounded, and heads have a bound too.
    let listeners: Vec<_> = (0..3).map(|_| service.events(&job, 0)).collect();
    until("the places are taken", || {
        let path = format!("/api/v1/jobs/{job}/events?after=0");
        let stream = service.ask("GET", &path, &[("accept", "text/event-stream")], b"");
        stream.status == 503 || stream.status == 204
    });
    drop(listeners);
    let head = format!(
        "GET / HTTP/1.1\r\nhost: {}\r\nx: {}\r\n\r\n",
        service.address,
        "y".repeat(200 << 10)
    );
    let refused = service.send(head.as_bytes());
    assert!(
        refused.status == 431 || refused.status == 400,
        "{}",
        refused.head
    );
    // Half a request holds up nobody.
    let mut slow = TcpStream::connect(&service.address).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    service.until(&job, &["complete"]);
    for bad in [
        "x",
        "0",
        "00000000000000000000000000000000",
        "%00",
        "..%2f..",
    ] {
        service.get(&format!("/api/v1/jobs/{bad}")).is(404);
        service.get(&format!("/api/v1/jobs/{bad}/events")).is(404);
    }
    service.get("/api/v1/jobs?limit=0").is(400);
    service.get("/api/v1/jobs?limit=x").is(400);
    service.get("/api/v1/jobs?cursor=x").is(400);
    service.get("/api/v1/nothing").is(404);
    service.ask("PUT", "/api/v1/jobs", &[], b"").is(405);
}
