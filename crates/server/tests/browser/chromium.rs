//! Chromium, driven by its DevTools protocol over a pipe: no socket, no other program.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);
/// The shell puts the pipes where Chromium looks for them.
const START: &str = r#"exec "$0" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
    --disable-background-networking --user-data-dir="$1" --remote-debugging-pipe about:blank \
    3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#;

pub(crate) struct Chromium<'a> {
    runtime: &'a Runtime,
    child: Child,
    write: ChildStdin,
    read: ChildStdout,
    rest: Vec<u8>,
    session: String,
    number: u64,
    /// What the console said, and exceptions.
    pub(crate) problems: Vec<String>,
    // Removed when it is dropped.
    _profile: tempfile::TempDir,
}

impl Drop for Chromium<'_> {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Chromium<'a> {
    pub(crate) fn start(runtime: &'a Runtime) -> Self {
        let program = std::env::var("TIPHYS_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(START).arg(program).arg(profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (write, read) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            runtime,
            child,
            write,
            read,
            rest: Vec::new(),
            session: String::new(),
            number: 0,
            problems: Vec::new(),
            _profile: profile,
        };
        let target = browser.command("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attach = json!({"targetId": target, "flatten": true});
        browser.session = browser.command("Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.command(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn message(&mut self) -> Value {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == 0) {
                let message: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&message[..end]).unwrap();
            }
            let mut buffer = vec![0; 1 << 16];
            let count = self.read.read(&mut buffer).unwrap();
            assert!(count > 0, "Chromium has ended");
            self.rest.extend_from_slice(&buffer[..count]);
        }
    }

    pub(crate) fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.write.write_all(format!("{message}\0").as_bytes()).unwrap();
        self.write.flush().unwrap();
        loop {
            let mut answer = self.message();
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            match answer["method"].as_str() {
                Some("Log.entryAdded") => self.problems.push(answer["params"]["entry"]["text"].to_string()),
                Some("Runtime.exceptionThrown") => self.problems.push(answer["params"].to_string()),
                _ => {}
            }
        }
    }

    pub(crate) fn script(&mut self, text: &str) -> Value {
        let parameters = json!({"expression": text, "awaitPromise": true, "returnByValue": true});
        let result = self.command("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{text}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    pub(crate) fn view(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.command("Emulation.setDeviceMetricsOverride", size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", features);
    }

    pub(crate) fn open(&mut self, url: &str) {
        self.command("Page.navigate", json!({"url": url}));
        self.until("document.readyState == 'complete' && location.href != 'about:blank'");
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&mut self, expression: &str) {
        let mut waited = Duration::ZERO;
        while self.script(&format!("Boolean({expression})")) != true {
            let text = format!("{expression} does not become true on {}", self.script("location.href"));
            assert!(waited < PATIENCE, "{text}: {}", self.script("document.body.innerText"));
            waited += Duration::from_millis(50);
            self.pause(50);
        }
    }

    pub(crate) fn pause(&self, millis: u64) {
        self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(millis)).await });
    }

    /// Clicks where an element is, as a hand does.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        self.until(&format!("document.querySelector({selector:?})"));
        let middle = format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let middle = self.script(&middle);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.command("Input.dispatchMouseEvent", event);
        }
    }

    pub(crate) fn key(&mut self, key: &str) {
        let text = match key {
            "Enter" => "\r",
            key if key.len() == 1 => key,
            _ => "",
        };
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.command("Input.dispatchKeyEvent", event);
        }
    }

    /// Keeps a picture where `TIPHYS_SCREENSHOTS` says.
    pub(crate) fn picture(&mut self, name: &str) {
        let Ok(folder) = std::env::var("TIPHYS_SCREENSHOTS") else { return };
        let data = self.command("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = STANDARD.decode(data["data"].as_str().unwrap()).unwrap();
        std::fs::write(format!("{folder}/{name}.png"), bytes).unwrap();
    }
}
