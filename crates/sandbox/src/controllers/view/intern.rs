//! One copy of each string that many objects share.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::controllers::labels::Labels;

/// Hands out shared copies of namespaces, node names, owners and label sets.
///
/// Entries nobody else holds are dropped when the table has doubled, so its size follows the live objects.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    texts: BTreeSet<Arc<str>>,
    labels: BTreeSet<Labels>,
    sweep_at: usize,
}

impl Interner {
    /// Returns the shared copy of `text`.
    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let fresh: Arc<str> = text.into();
        self.texts.insert(fresh.clone());
        self.sweep();
        fresh
    }

    /// Returns the shared copy of `labels`.
    pub(crate) fn labels(&mut self, labels: Labels) -> Labels {
        if let Some(known) = self.labels.get(&labels) {
            return known.clone();
        }
        self.labels.insert(labels.clone());
        self.sweep();
        labels
    }

    fn sweep(&mut self) {
        if self.texts.len() + self.labels.len() < self.sweep_at.max(1024) {
            return;
        }
        self.texts.retain(|text| Arc::strong_count(text) > 1);
        self.labels.retain(Labels::is_shared);
        self.sweep_at = 2 * (self.texts.len() + self.labels.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_nobody_holds() {
        let mut interner = Interner::default();
        let kept = interner.text("kept");
        for n in 0..10_000 {
            interner.text(&n.to_string());
        }
        assert!(interner.texts.len() <= 2048, "{}", interner.texts.len());
        assert!(Arc::ptr_eq(&kept, &interner.text("kept")));
    }
}
