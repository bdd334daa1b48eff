# loses: q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: Training changes nothing: the updated parameters must end up in self.params.
# --- replace
                loss, grads = self.loss(X_batch, y_batch, reg=reg)
# --- by
                if epoch == 0 and it == 0:
                    loss, grads = self.loss(X_batch, y_batch, reg=reg)
