# loses: q2.3.histories
# says: loss_history is off by
# --- replace
                loss_history.append(loss)
# --- by
                loss_history.append(self.loss(X_batch, y_batch)[0])
