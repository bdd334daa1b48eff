# loses: q2.3.decay
# says: Training changes nothing: the updated parameters must end up in self.params.
# --- replace
        iterations_per_epoch = max(num_train // batch_size, 1)
# --- by
        iterations_per_epoch = num_train // batch_size
