//! Watches behind a connection with faults.

use std::pin::pin;

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};

use super::{BoxError, ConnectionLost, Faults, Line, plan::Loss};

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
    let line = faults.inner.line.subscribe();
    let cuts = line.borrow().cuts;
    let watch = Watch { faults, body: boxed(body), line, cuts, ended: false };
    StreamBody::new(stream::unfold(watch, Watch::advance)).boxed_unsync()
}

struct Watch {
    faults: Faults,
    body: FaultBody,
    line: tokio::sync::watch::Receiver<Line>,
    cuts: u64,
    ended: bool,
}

/// What came first.
enum Piece {
    Frame(Option<Result<Frame<Bytes>, BoxError>>),
    Line,
}

impl Watch {
    async fn advance(mut self) -> Option<(Result<Frame<Bytes>, BoxError>, Self)> {
        loop {
            if self.ended {
                return None;
            }
            let line = *self.line.borrow_and_update();
            if line.parted {
                self.ended = true;
                return Some((Err(ConnectionLost.into()), self));
            }
            if line.cuts != self.cuts {
                return None;
            }
            match self.piece(line.held).await {
                Piece::Line => {}
                Piece::Frame(None) => return None,
                Piece::Frame(Some(frame)) => match pass(&self.faults).await {
                    None => return Some((frame, self)),
                    Some(Loss::Cut) => return None,
                    Some(Loss::Silent) => {}
                },
            }
        }
    }

    async fn piece(&mut self, held: bool) -> Piece {
        let changed = pin!(self.line.changed());
        if held {
            // The sender lives as long as the handle in `faults`.
            let _ = changed.await;
            return Piece::Line;
        }
        tokio::select! {
            biased;
            _ = changed => Piece::Line,
            frame = self.body.frame() => Piece::Frame(frame),
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
