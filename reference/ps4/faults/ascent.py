# loses: q2.3.step
# says: The update goes uphill: subtract learning_rate * gradient.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] += learning_rate * grads[name]
