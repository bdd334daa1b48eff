# loses: q2.3.histories
# says: loss_history holds the loss after the update: record the loss that the step started from.
# --- replace
                loss_history.append(loss)
# --- by
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name]
                loss_history.append(self.loss(X_batch, y_batch, reg=reg)[0])
