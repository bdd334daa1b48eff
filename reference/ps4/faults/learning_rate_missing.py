# loses: q2.3.step q2.3.decay q2.3.batches
# says: The update ignores the learning rate: subtract learning_rate times the gradient.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= grads[name]
