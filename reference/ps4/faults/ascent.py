# loses: q2.3.step q2.3.decay q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The update goes up the gradient: subtract learning_rate times the gradient.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] += learning_rate * grads[name]
