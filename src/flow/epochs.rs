//! Buffers by epoch, closed by a frontier. Pure: no operator, no capability, no clock.

use std::collections::BTreeMap;

/// The time of the dataflow. An epoch is a group of file changes, or a tick in which late answers appear;
/// epoch 0 is the empty view. Published snapshots are named by the last epoch they hold.
pub type Epoch = u64;

/// What has come for each epoch that is still open.
#[derive(Debug)]
pub struct Epochs<B> {
    open: BTreeMap<Epoch, B>,
}

impl<B> Default for Epochs<B> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
        }
    }
}

impl<B: Default> Epochs<B> {
    /// The buffer of an epoch, made if there is none.
    pub fn at(&mut self, epoch: Epoch) -> &mut B {
        self.open.entry(epoch).or_default()
    }

    /// Takes out, in order, the buffers of all epochs before `frontier`; all of them if nothing can come any more.
    pub fn close(&mut self, frontier: Option<Epoch>) -> Vec<(Epoch, B)> {
        let rest = frontier
            .map(|first_open| self.open.split_off(&first_open))
            .unwrap_or_default();
        std::mem::replace(&mut self.open, rest)
            .into_iter()
            .collect()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_closes_when_the_frontier_has_passed_it() {
        let mut epochs = Epochs::<Vec<u8>>::default();
        epochs.at(3).push(1);
        epochs.at(2).push(2);
        epochs.at(3).push(3);
        assert!(epochs.close(Some(2)).is_empty());
        assert_eq!(epochs.close(Some(3)), [(2, vec![2])]);
        assert_eq!(epochs.close(None), [(3, vec![1, 3])]);
        assert!(epochs.is_empty());
    }
}
