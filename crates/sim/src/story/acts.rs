//! What people, nodes, pods and the connection do while a story is disturbed.

use std::{ops::Range, time::Duration};

use fastrand::Rng;
use http::StatusCode;
use serde_json::{Value, json};
use tiphys_sandbox::faults::Loss;

use super::{DISTURBED, DISTURBED_LAG, Story};
use crate::{
    crash::Side,
    setup::{NAME, VERSIONS},
    world::Failed,
};

impl Story {
    /// Lets everything go wrong for a while.
    pub(super) async fn disturb(&mut self) -> Result<(), Failed> {
        self.world.judge().view_lags(DISTURBED_LAG);
        self.disturb_connection();
        let until = self.world.now() + Duration::from_secs(self.random.u64(DISTURBED));
        while self.world.now() < until {
            self.act().await?;
            let pause = self.random.u64(1..60);
            self.pass(Duration::from_secs(pause)).await?;
        }
        Ok(())
    }

    fn disturb_connection(&mut self) {
        let random = &mut self.random;
        let up_to = |random: &mut Rng, most: u64| -> Range<Duration> {
            Duration::ZERO..Duration::from_millis(random.u64(1..most))
        };
        let faults = self.world.faults();
        if random.bool() {
            faults.latency(up_to(random, 300));
        }
        if random.bool() {
            faults.delayed_events(up_to(random, 120));
        }
        if random.bool() {
            faults.conflicts(random.f64() * 0.1);
        }
        if random.bool() {
            faults.errors(StatusCode::INTERNAL_SERVER_ERROR, random.f64() * 0.05);
        }
        if random.bool() {
            faults.lost_answers(random.f64() * 0.05);
        }
        if random.bool() {
            faults.stale_reads(random.f64() * 0.2);
        }
        if random.bool() {
            faults.lost_events(random.f64() * 0.02, Loss::Cut);
        }
        let faults = format!("{:?}", self.world.faults());
        self.note(faults);
    }

    async fn act(&mut self) -> Result<(), Failed> {
        match self.random.u8(0..26) {
            0..=4 => self.change_image().await,
            5 | 6 => self.restart().await,
            7 => self.set_status("abort", json!({"abort": true})).await,
            8 => self.set_status("retry", json!({"abort": false})).await,
            9 | 10 => self.set_status("promote", json!({"pauseConditions": null})).await,
            11 => self.set_status("promote in full", json!({"promoteFull": true})).await,
            12 => self.skip().await,
            13 => self.undo().await,
            14 => self.scale().await,
            15 => self.pause().await,
            16 => self.delete_stable().await,
            17 => self.delete_pods().await,
            18 => self.crash_pod().await,
            19 => self.lose_node(),
            20 | 21 => self.kill(),
            22 => self.break_connection().await,
            23 => {
                self.note("all watches end");
                self.world.faults().cut_watches();
                Ok(())
            }
            _ => self.revive(),
        }
    }

    async fn apply(&mut self) -> Result<(), Failed> {
        let rollout = self.setup.rollout();
        self.world.apply(&rollout).await
    }

    async fn change_image(&mut self) -> Result<(), Failed> {
        let version = self.random.u32(1..=VERSIONS);
        let is_broken = self.random.u8(0..8) == 0;
        self.setup.tag = if is_broken { format!("{version}-error") } else { version.to_string() };
        self.note(format!("image {}", self.setup.image()));
        self.apply().await
    }

    async fn scale(&mut self) -> Result<(), Failed> {
        self.setup.replicas = self.random.i64(1..9);
        self.note(format!("scale to {}", self.setup.replicas));
        self.apply().await
    }

    pub(super) async fn restart(&mut self) -> Result<(), Failed> {
        self.note("restart");
        let now = self.world.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.world.patch("Rollout", NAME, &json!({"spec": {"restartAt": now}})).await
    }

    pub(super) async fn set_status(&mut self, what: &str, status: Value) -> Result<(), Failed> {
        self.note(what);
        self.world.patch("Rollout", NAME, &json!({"status": status})).await
    }

    async fn skip(&mut self) -> Result<(), Failed> {
        let rollout = self.world.get("Rollout", NAME);
        let steps = rollout["spec"]["strategy"]["canary"]["steps"].as_array().map_or(0, Vec::len);
        let Some(index) = rollout["status"]["currentStepIndex"].as_u64() else { return Ok(()) };
        let next = (index + 1).min(steps as u64);
        self.set_status("skip a step", json!({"pauseConditions": null, "currentStepIndex": next})).await
    }

    async fn undo(&mut self) -> Result<(), Failed> {
        let sets = self.world.list("ReplicaSet");
        let revision = |set: &Value| {
            let text = set["metadata"]["annotations"]["rollout.argoproj.io/revision"].as_str();
            text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
        };
        let mut sets: Vec<&Value> = sets.iter().collect();
        sets.sort_by_key(|set| std::cmp::Reverse(revision(set)));
        let Some(before) = sets.get(1) else { return Ok(()) };
        let image = before["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        let Some(tag) = image.strip_prefix("web:") else { return Ok(()) };
        self.setup.tag = tag.to_owned();
        self.note(format!("undo to {image}"));
        self.apply().await
    }

    async fn pause(&mut self) -> Result<(), Failed> {
        let paused = self.random.bool();
        self.note(format!("spec.paused {paused}"));
        self.world.patch("Rollout", NAME, &json!({"spec": {"paused": paused}})).await
    }

    async fn delete_stable(&mut self) -> Result<(), Failed> {
        let stable = self.world.get("Rollout", NAME)["status"]["stableRS"].as_str().unwrap_or_default().to_owned();
        let name = format!("{NAME}-{stable}");
        if self.world.get("ReplicaSet", &name).is_null() {
            return Ok(());
        }
        self.note(format!("delete ReplicaSet {name}"));
        self.world.delete("ReplicaSet", &name).await
    }

    async fn delete_pods(&mut self) -> Result<(), Failed> {
        for _ in 0..self.random.usize(1..4) {
            if let Some(pod) = self.draw_pod() {
                self.note(format!("delete pod {pod}"));
                self.world.delete("Pod", &pod).await?;
            }
        }
        Ok(())
    }

    async fn crash_pod(&mut self) -> Result<(), Failed> {
        if let Some(pod) = self.crashing.pop() {
            self.note(format!("pod {pod} crashes no more"));
            return self.world.set_crashing(&pod, false).await;
        }
        let Some(pod) = self.draw_pod() else { return Ok(()) };
        self.note(format!("pod {pod} crashes"));
        self.crashing.push(pod.clone());
        self.world.set_crashing(&pod, true).await
    }

    fn draw_pod(&mut self) -> Option<String> {
        let pods = self.world.list("Pod");
        let staying = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let names: Vec<&str> = staying.filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
        (!names.is_empty()).then(|| names[self.random.usize(0..names.len())].to_owned())
    }

    fn lose_node(&mut self) -> Result<(), Failed> {
        if let Some(node) = self.lost_nodes.pop() {
            self.note(format!("node {node} is back"));
            self.world.set_node(node, true);
        } else {
            let node = self.random.usize(1..5);
            self.note(format!("node {node} is lost"));
            self.lost_nodes.push(node);
            self.world.set_node(node, false);
        }
        Ok(())
    }

    fn kill(&mut self) -> Result<(), Failed> {
        if !self.world.is_alive() {
            return self.revive();
        }
        if self.random.u8(0..3) == 0 {
            self.note("the controller is killed");
            let now = self.world.now();
            self.world.judge().sight_lost(now);
            self.world.kill();
        } else {
            let nth = self.random.u64(1..6);
            let side = if self.random.bool() { Side::Before } else { Side::After };
            self.note(format!("the controller will die at write {nth}, {side:?} it"));
            self.world.kill_at(nth, side);
        }
        Ok(())
    }

    pub(super) fn revive(&mut self) -> Result<(), Failed> {
        if !self.world.is_alive() {
            self.note("a controller starts");
            self.world.revive();
            let now = self.world.now();
            self.world.judge().sight_regained(now);
        }
        Ok(())
    }

    async fn break_connection(&mut self) -> Result<(), Failed> {
        let (now, is_hanging) = (self.world.now(), self.random.bool());
        self.note(if is_hanging { "the connection hangs" } else { "the connection breaks" });
        self.world.judge().sight_lost(now);
        let faults = self.world.faults();
        if is_hanging {
            faults.hold()
        } else {
            faults.partition()
        }
        let time = self.random.u64(1..20);
        self.pass(Duration::from_secs(time)).await?;
        self.note("the connection is back");
        let faults = self.world.faults();
        if is_hanging {
            faults.release()
        } else {
            faults.heal()
        }
        if self.world.is_alive() {
            let now = self.world.now();
            self.world.judge().sight_regained(now);
        }
        Ok(())
    }
}
