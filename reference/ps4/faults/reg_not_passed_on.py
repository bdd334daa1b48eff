# loses: q2.3.step q2.3.decay q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy
# says: train() does not pass reg on: call loss(X_batch, y_batch, reg=reg).
# --- replace
                loss, grads = self.loss(X_batch, y_batch, reg=reg)
# --- by
                loss, grads = self.loss(X_batch, y_batch)
