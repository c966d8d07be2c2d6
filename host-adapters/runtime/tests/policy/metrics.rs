//! Metrics as Prometheus reads them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    thread,
    time::Duration,
};

use callprint::{
    metrics::{self, Fault, Metrics, Skip},
    policy::{CallFacts, Decision, Judge},
};

use crate::{rules, script};

fn decision(id: &str) -> Decision {
    let mut judge = Judge::new(rules(RULES).into(), CallFacts::default());
    judge.heard(&script(1_800, "us", id, 0.99), 2_000.0).unwrap()
}

const RULES: &str = r#"{ "version": 1, "rules": [
    { "name": "r", "when": { "kind": "script" }, "action": "hangup" } ] }"#;

#[test]
fn what_is_counted_is_shown() {
    let metrics = Metrics::default();
    metrics.calls_live.add(3);
    metrics.calls_live.add(-1);
    metrics.calls_analysed.add(7);
    metrics.gap_samples.add(4_000);
    metrics.skipped(Skip::Full);
    metrics.fault(Fault::Deadline);
    for ns in [100, 250, 251, 9_000, 2_000_000_000] {
        metrics.push.observe(Duration::from_nanos(ns));
    }
    metrics.decided(&decision("a\"b\\"), Duration::from_millis(70));
    let text = metrics.render();
    for line in [
        "# TYPE callprint_calls_live gauge",
        "callprint_calls_live 2",
        "callprint_calls_analysed_total 7",
        "callprint_gap_seconds_total 0.5",
        "callprint_calls_skipped_total{reason=\"full\"} 1",
        "callprint_calls_skipped_total{reason=\"overload\"} 0",
        "callprint_faults_total{kind=\"deadline\"} 1",
        "callprint_push_seconds_bucket{le=\"0.00000025\"} 2",
        "callprint_push_seconds_bucket{le=\"0.0000005\"} 3",
        "callprint_push_seconds_bucket{le=\"0.01\"} 4",
        "callprint_push_seconds_bucket{le=\"+Inf\"} 5",
        "callprint_push_seconds_count 5",
        "callprint_verdicts_total{verdict=\"ROBOT\",action=\"hangup\",shadow=\"true\"} 1",
        "callprint_scripts_total{pack=\"us\",script=\"a\\\"b\\\\\",category=\"\",action=\"hangup\"} 1",
        "callprint_verdict_known_seconds_bucket{le=\"2\"} 1",
        "callprint_verdict_known_seconds_bucket{le=\"1.5\"} 0",
        "callprint_verdict_added_seconds_sum 0.07",
    ] {
        assert!(text.lines().any(|l| l == line), "{line:?} is not in:\n{text}");
    }
    // Every sample belongs to a family that was announced, and is a number.
    let mut family = "";
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(rest) => family = rest.split(' ').next().unwrap(),
            None if line.starts_with('#') => {}
            None => {
                assert!(line.starts_with(family), "{line}");
                line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
            }
        }
    }
    let json = metrics.to_json();
    assert_eq!(json["calls"]["skipped"]["full"], 1);
    assert_eq!(json["latencies"]["push"]["p50_at_most_ms"], 0.0005);
    assert_eq!(json["latencies"]["push"]["p999_at_most_ms"], serde_json::Value::Null);
    assert_eq!(json["verdicts"][0]["action"], "hangup");
}

#[test]
fn ten_thousand_scripts_are_not_ten_thousand_time_series() {
    let metrics = Metrics::default();
    let mut decision = decision("x");
    for n in 0..10_000 {
        decision.script = format!("s{n}");
        metrics.decided(&decision, Duration::ZERO);
    }
    let text = metrics.render();
    let series: Vec<&str> =
        text.lines().filter(|l| l.starts_with("callprint_scripts_total{")).collect();
    assert!(series.len() <= 1_025, "{}", series.len());
    let sum: f64 =
        series.iter().map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(sum, 10_000.0);
}

#[test]
fn the_listener_answers_this_machine_only_and_outlives_bad_clients() {
    let metrics = Arc::new(Metrics::default());
    metrics.calls_live.set(4);
    let error = metrics::serve("0.0.0.0:0".parse().unwrap(), metrics.clone()).err().unwrap();
    assert!(error.to_string().contains("0.0.0.0:0"), "{error}");
    let server = metrics::serve("127.0.0.1:0".parse().unwrap(), metrics).unwrap();
    let address = server.address();
    let ask = move |request: &[u8]| {
        let mut client = TcpStream::connect(address).unwrap();
        let _ = client.write_all(request);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    // One that says nothing, one that goes away, one that never ends.
    let silent = TcpStream::connect(address).unwrap();
    drop(TcpStream::connect(address).unwrap());
    let endless = thread::spawn(move || ask(&vec![b'x'; 1 << 20]));
    let answer = ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.contains("callprint_calls_live 4\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    assert!(ask(b"GET /secret HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 404"));
    assert!(ask(b"POST /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 405"));
    endless.join().unwrap();
    drop(silent);
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "it still listens");
}

#[test]
fn the_file_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("callprint.prom");
    let metrics = Metrics::default();
    metrics.write_file(&path).unwrap();
    metrics.reloads.increment();
    metrics.write_file(&path).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("callprint_reloads_total 1\n"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let nowhere = folder.path().join("none/callprint.prom");
    assert!(metrics.write_file(&nowhere).unwrap_err().to_string().contains("none/callprint.prom"));
}
