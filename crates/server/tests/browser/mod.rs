//! In Debian's Chromium, driven over a pipe: `tests/heavy/browser` runs it.

mod chromium;

use serde_json::{Value, json};
use tiphys_server::Listening;
use tokio::runtime::Runtime;

use self::chromium::Chromium;
use crate::place::{Place, SHOP, rollout, template};

struct Stage {
    runtime: Runtime,
    place: Place,
    listening: Listening,
}

impl Stage {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let (place, listening) = runtime.block_on(async {
            let mut place = Place::start().await;
            let server = place.server.take().unwrap();
            let listening = server.listen(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
            (place, listening)
        });
        Self { runtime, place, listening }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listening.address())
    }

    /// A browser that is logged in by the one-time link.
    fn browser(&self) -> Chromium<'_> {
        let mut browser = Chromium::start(&self.runtime);
        browser.view(1280, 800, "light");
        browser.open(&self.url(&self.place.link.path()));
        browser.until("document.querySelector('#needs')");
        browser
    }

    fn canary(&self, name: &str) {
        self.runtime.block_on(self.place.paused_canary(name));
    }

    fn create(&self, object: Value) {
        self.runtime.block_on(self.place.create(object));
    }

    fn phase(&self, name: &str, phase: &str) -> Value {
        self.runtime.block_on(self.place.phase(name, phase))
    }

    fn change(&self, name: &str, patch: Value) {
        self.runtime.block_on(self.place.change(name, patch));
    }
}

#[test]
#[ignore = "needs Chromium: tests/heavy/browser"]
fn every_page_fits_in_both_themes_and_widths() {
    let stage = Stage::start();
    stage.canary("web");
    stage.create(rollout(SHOP, "catalog", json!({"canary": {}})));
    stage.phase("catalog", "Healthy");
    let broken = json!({"canary": {"steps": [{"setWeight": 25}, {"pause": {"duration": "1h"}}]}});
    stage.create(rollout(SHOP, "payments", broken));
    stage.phase("payments", "Healthy");
    let image = "registry.test/a-rather-long-name/payments:does-not-exist";
    stage.change("payments", json!({"spec": {"template": template("payments", image)}}));
    let mut browser = stage.browser();
    for (name, path) in [
        ("overview", "/"),
        ("release", "/rollouts/shop/web"),
        ("broken", "/rollouts/shop/payments"),
        ("sheet", "/rollouts/shop/web/actions/restart"),
        ("restarts", "/restarts"),
        ("several", "/restarts/new?namespace=shop"),
        ("activity", "/activity"),
        ("settings", "/settings"),
        ("missing", "/nothing"),
    ] {
        for (width, height) in [(1280, 800), (390, 844)] {
            for scheme in ["light", "dark"] {
                browser.view(width, height, scheme);
                browser.open(&stage.url(path));
                browser.until("document.fonts.status == 'loaded'");
                let scroll = browser.script("document.documentElement.scrollWidth");
                assert!(scroll.as_u64().unwrap() <= u64::from(width), "{name} at {width} is {scroll} wide");
                let nameless = browser.script(
                    "[...document.querySelectorAll('a, button, input, select')].filter(e => e.type != 'hidden' && e.checkVisibility() \
                     && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML).join()",
                );
                assert_eq!(nameless, "", "{name}: every control has a name");
                browser.picture(&format!("{name}-{width}-{scheme}"));
            }
        }
    }
    browser.problems.retain(|problem| !problem.contains("404"));
    assert_eq!(browser.problems, Vec::<String>::new(), "nothing on the console");
}

#[test]
#[ignore = "needs Chromium: tests/heavy/browser"]
fn canary_is_followed_live_and_steered_by_keys() {
    let stage = Stage::start();
    stage.canary("web");
    let mut browser = stage.browser();
    browser.open(&stage.url("/rollouts/shop/web"));
    browser.script("window.stays = true");
    browser.until("document.querySelector('#why').innerText.includes('Waits for a person')");
    browser.key("p");
    browser
        .until("document.querySelector('dialog[open] #sheet .effect')?.innerText.includes('goes on with step 3 of 4')");
    assert_eq!(browser.script("document.activeElement.innerText"), "Promote");
    browser.key("Enter");
    browser.until("document.querySelector('#toast')?.innerText.includes('Promoted')");
    browser.script("window.stays = true");
    browser.until("document.querySelector('.rail .current .what')?.innerText == 'pause until promoted'");
    browser.until("document.querySelectorAll('.rail .done').length == 3");
    stage.change("web", json!({"spec": {"template": template("web", "web:3")}}));
    browser.until("document.querySelector('[data-revision=\"3\"]')");
    stage.change("web", json!({"spec": {"paused": true}}));
    browser.until("document.querySelector('#why').innerText.includes('spec.paused is true')");
    browser.key(".");
    browser.until("document.querySelector('#menu').open");
    browser.key("Escape");
    browser.until("!document.querySelector('#menu').open");
    browser.key("?");
    browser.until("document.querySelector('dialog#keys[open]')");
    browser.key("Escape");
    browser.key("/");
    browser.until("document.querySelector('#palette[open] li')");
    assert_eq!(browser.script("window.stays"), true, "the page was not loaded again");
}

#[test]
#[ignore = "needs Chromium: tests/heavy/browser"]
fn release_is_aborted_on_a_phone() {
    let stage = Stage::start();
    stage.canary("web");
    let mut browser = stage.browser();
    browser.view(390, 844, "dark");
    browser.open(&stage.url("/"));
    browser.click("#needs [data-action=abort]");
    browser.until("document.querySelector('dialog[open] #sheet .effect')?.innerText.includes('The canary goes')");
    browser.picture("abort-sheet-390-dark");
    browser.click("dialog[open] button.primary");
    stage.phase("web", "Degraded");
    browser.until("document.querySelector('#head .badge')?.innerText == 'Degraded'");
    browser.until("document.querySelector('#head [data-action=retry]')");
}

#[test]
#[ignore = "needs Chromium: tests/heavy/browser"]
fn everything_works_without_javascript() {
    let stage = Stage::start();
    stage.canary("web");
    let mut browser = Chromium::start(&stage.runtime);
    browser.command("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.view(1280, 800, "light");
    browser.open(&stage.url(&stage.place.link.path()));
    browser.click("#needs h3 a");
    browser.until("document.querySelector('#head')");
    browser.click("#menu summary");
    browser.click("#menu [data-action=abort]");
    browser.until("document.querySelector('main > #sheet')");
    browser.click("#sheet button.primary");
    stage.phase("web", "Degraded");
    browser.until("document.querySelector('#toast').innerText.includes('Aborted')");
    browser.click(".revision .pod");
    browser.until("document.querySelector('.pod-sheet [data-action=restart]')");
}

#[test]
#[ignore = "needs Chromium: tests/heavy/browser"]
fn restart_from_a_pod_is_blocked_by_a_budget_then_finishes() {
    let stage = Stage::start();
    stage.create(rollout(SHOP, "web", json!({"canary": {}})));
    let budget = |allowed: &str| {
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "tight", "namespace": SHOP},
            "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "web"}}},
        })
    };
    stage.create(budget("0%"));
    stage.phase("web", "Healthy");
    let mut browser = stage.browser();
    browser.pause(1500);
    browser.open(&stage.url("/rollouts/shop/web"));
    browser.click(".revision .pod");
    browser.until("document.querySelector('dialog[open] .pod-sheet')");
    browser.click("dialog[open] [data-action=restart]");
    browser.until(
        "document.querySelector('dialog[open] .effect')?.innerText.includes('PodDisruptionBudget tight allows 0')",
    );
    browser.click("dialog[open] button.primary");
    browser.until("document.querySelector('#why')?.innerText.includes('tight')");
    browser.picture("restart-blocked-1280-light");
    stage.create(budget("50%"));
    browser.until(
        "document.querySelector('#head .badge')?.innerText == 'Healthy' && !document.querySelector('#head .restart')",
    );
}
