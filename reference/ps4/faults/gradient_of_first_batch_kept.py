# loses: q2.3.decay q2.3.batches
# says: train() computes the gradient once and goes on using it: call loss() on the current batch in every iteration.
# --- replace
                loss, grads = self.loss(X_batch, y_batch, reg=reg)
# --- by
                if epoch == 0 and it == 0:
                    loss, grads = self.loss(X_batch, y_batch, reg=reg)
