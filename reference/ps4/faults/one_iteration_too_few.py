# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: Training changes nothing: the updated parameters must end up in self.params.
# --- replace
            for it in range(iterations_per_epoch):
# --- by
            for it in range(iterations_per_epoch - 1):
