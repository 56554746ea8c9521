//! Traffic in time: what the streams send, tick by tick.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tiphys_machinery::error::ApiError;
use tiphys_machinery::resource::Resource;

use super::{
    Name, Traffic,
    istio::Destination,
    plane::{KINDS, Plane},
    pod::Pod,
    request::Request,
    route::{self, Way},
    serve::{Lost, Outcome, serve},
    stream::{self, Stream},
    tally::{Kind, Tally},
};
use crate::controllers::{Cache, Context, Controller, Key, Marks, Update};
use crate::registry::Registry;
use crate::store::Change;

/// How often requests are sent.
const TICK: SignedDuration = SignedDuration::from_millis(100);
/// Most requests of one stream in one tick, so that a leap of the clock does not stop everything.
const MOST: u64 = 100_000;

/// Sends the requests. Its only key is the empty one. It works after all other controllers, so what happens at one
/// instant is known before requests of that instant are sent.
#[derive(Debug)]
pub(crate) struct Driver {
    traffic: Traffic,
    plane: Plane,
    /// Whether the plane must be read anew.
    stale: bool,
    /// Services whose endpoints changed since the last look.
    touched: BTreeSet<Name>,
    /// Endpoints that will be known later, in order of time.
    coming: BTreeMap<(Timestamp, Name), Vec<String>>,
    annotated: BTreeMap<String, Stream>,
    flows: BTreeMap<String, Flow>,
    pods: BTreeMap<Name, (u64, Arc<Pod>)>,
}

/// A stream under way.
#[derive(Debug)]
struct Flow {
    stream: Stream,
    since: Timestamp,
    carry: u128,
    random: fastrand::Rng,
}

impl Driver {
    /// Returns a driver of this traffic.
    pub(crate) fn new(traffic: &Traffic) -> Self {
        Self {
            traffic: traffic.clone(),
            plane: Plane::default(),
            stale: true,
            touched: BTreeSet::new(),
            coming: BTreeMap::new(),
            annotated: BTreeMap::new(),
            flows: BTreeMap::new(),
            pods: BTreeMap::new(),
        }
    }

    fn flows_now(&self) -> bool {
        !self.flows.is_empty()
    }
}

impl Controller for Driver {
    fn name(&self) -> &'static str {
        "traffic"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        let kind = change.resource.group_plural();
        if kind == ("discovery.k8s.io", "endpointslices") {
            // Without streams nobody looks: the first stream begins with what is known then.
            if self.flows_now() {
                self.touched.extend(Plane::service_of(change.object()));
                marks.insert(Key::new("", ""));
            }
        } else if KINDS.contains(&kind) {
            self.stale = true;
            let sides = [&change.prev, &change.new];
            if self.flows_now() || sides.into_iter().flatten().any(|object| stream::mentions(object)) {
                marks.insert(Key::new("", ""));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let now = context.now;
        let before = self.flows_now();
        if std::mem::take(&mut self.stale) {
            self.annotated = self.plane.read(context.registry);
            self.plane.services.sort();
        }
        self.renew_flows(now);
        if !self.flows_now() {
            self.stale = true;
            return Ok(());
        }
        self.learn_endpoints(before, context.registry, now);
        self.send(context.registry, now);
        context.wake(key, now + TICK);
        Ok(())
    }
}

impl Driver {
    /// Begins new streams and ends those that nobody wants any more.
    fn renew_flows(&mut self, now: Timestamp) {
        let mut wanted = self.traffic.state().streams.clone();
        wanted.extend(self.annotated.clone());
        self.flows.retain(|name, flow| wanted.get(name) == Some(&flow.stream));
        let seed = self.traffic.shared.seed;
        for (name, stream) in wanted {
            let random = fastrand::Rng::with_seed(seed ^ hash(&name));
            self.flows.entry(name).or_insert(Flow { stream, since: now, carry: 0, random });
        }
    }

    fn learn_endpoints(&mut self, known: bool, registry: &Registry, now: Timestamp) {
        if !known {
            self.plane.endpoints = Plane::all_endpoints(registry);
            self.touched.clear();
            self.coming.clear();
            return;
        }
        let delay = self.traffic.state().endpoint_delay;
        for service in std::mem::take(&mut self.touched) {
            let endpoints = Plane::endpoints_of(registry, &service);
            self.coming.insert((now + delay, service), endpoints);
        }
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, service), endpoints) = entry.remove_entry();
            self.plane.endpoints.insert(service, endpoints);
        }
    }

    fn send(&mut self, registry: &Registry, now: Timestamp) {
        let Some(resource) = registry.resource("", "pods") else { return };
        let Self { plane, flows, pods, traffic, .. } = self;
        let mut state = traffic.state();
        for flow in flows.values_mut() {
            let count = flow.stream.due(now.duration_since(flow.since), &mut flow.carry).min(MOST);
            flow.since = now;
            for _ in 0..count {
                let find = &mut |name: &Name| find(pods, (registry, &resource), name);
                send_one(plane, &flow.stream.request, (&mut flow.random, now), find, &mut state.tally);
            }
        }
        state.tally.scrape(now);
        if pods.len() > 1024 {
            pods.clear();
        }
    }
}

/// Returns a pod as it is now, decoded once for each of its revisions.
fn find(
    pods: &mut BTreeMap<Name, (u64, Arc<Pod>)>,
    (registry, resource): (&Registry, &Resource),
    name: &Name,
) -> Option<Arc<Pod>> {
    let object = registry.get(resource, &name.namespace, &name.name).ok()?;
    match pods.get(name) {
        Some((revision, pod)) if *revision == object.revision() => Some(pod.clone()),
        _ => {
            let pod = Arc::new(Pod::read(&object.value()));
            pods.insert(name.clone(), (object.revision(), pod.clone()));
            Some(pod)
        }
    }
}

fn send_one(
    plane: &Plane,
    request: &Request,
    (random, now): (&mut fastrand::Rng, Timestamp),
    find: &mut dyn FnMut(&Name) -> Option<Arc<Pod>>,
    tally: &mut Tally,
) {
    let way = route::way(plane, request, random);
    let mut one = |way: &Way, destination: Option<&Destination>, kind: Kind| {
        let outcome = match destination {
            Some(destination) => serve(plane, destination, find, now, random),
            None => Outcome::lost(Lost::NoRoute),
        };
        tally.add((request, way, kind), destination.map(|destination| &destination.service), outcome, now);
    };
    one(&way, way.destination.as_ref(), Kind::Original);
    for mirror in &way.mirrors {
        one(&way, Some(mirror), Kind::Copy);
    }
}

/// The same number for the same name in every run.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
