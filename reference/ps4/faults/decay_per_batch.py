# loses: q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The learning rate decays after every batch: multiply it with learning_rate_decay once, after each epoch.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name]
                learning_rate *= learning_rate_decay
