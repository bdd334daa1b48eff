# loses: q2.3.histories
# says: loss_history holds the losses after the update: record the batch's loss before it.
# --- replace
                loss_history.append(loss)
# --- by
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name]
                loss_history.append(self.loss(X_batch, y_batch, reg=reg)[0])
