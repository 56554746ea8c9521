//! What every controller shares: caches, queue, reasons, events, patches, leader election, metrics.
