# loses: q2.3.step q2.3.decay q2.3.batches
# says: The update regularises once more: the gradient of the weights contains reg * W already.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * (grads[name] + reg * self.params[name])
