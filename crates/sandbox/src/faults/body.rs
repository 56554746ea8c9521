//! Watches behind a connection with faults.

use std::pin::pin;

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};

use super::{BoxError, ConnectionLost, Faults, plan::Loss};

/// The body of every answer.
pub type FaultBody = UnsyncBoxBody<Bytes, BoxError>;

pub(super) fn boxed<R>(body: R) -> FaultBody
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// Wraps the body of a watch: its pieces are delayed and lost, and it breaks when the connection does.
pub(super) fn unsteady<R>(faults: Faults, body: R) -> FaultBody
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let cuts = faults.inner.line.get().cuts;
    let watch = Watch { faults, body: boxed(body), cuts, ended: false };
    StreamBody::new(stream::unfold(watch, Watch::advance)).boxed_unsync()
}

struct Watch {
    faults: Faults,
    body: FaultBody,
    cuts: u64,
    ended: bool,
}

impl Watch {
    async fn advance(mut self) -> Option<(Result<Frame<Bytes>, BoxError>, Self)> {
        loop {
            if self.ended {
                return None;
            }
            let faults = self.faults.clone();
            let changed = pin!(faults.inner.line.changed());
            let line = faults.inner.line.get();
            if line.parted {
                self.ended = true;
                return Some((Err(ConnectionLost.into()), self));
            }
            if line.cuts != self.cuts {
                return None;
            }
            if line.held {
                changed.await;
                continue;
            }
            let frame = tokio::select! {
                biased;
                () = changed => continue,
                frame = self.body.frame() => frame?,
            };
            match pass(&self.faults).await {
                None => return Some((frame, self)),
                Some(Loss::Cut) => return None,
                Some(Loss::Silent) => {}
            }
        }
    }
}

/// Delays a piece, and returns how it is lost, if it is.
async fn pass(faults: &Faults) -> Option<Loss> {
    let (delay, loss) = {
        let state = &mut *faults.state();
        (state.plan.event_delay(&mut state.random), state.plan.event_loss(&mut state.random))
    };
    tokio::time::sleep(delay).await;
    loss
}
