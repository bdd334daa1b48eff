# loses: q2.3.batches
# says: The learning rate decays after every batch: once after each epoch is right.
# --- replace
            learning_rate *= learning_rate_decay
# --- by
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name]
                learning_rate *= learning_rate_decay
