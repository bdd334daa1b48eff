# loses: q2.3.step
# says: The update adds the regularisation once more: the gradient holds it already.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * (grads[name] + reg * self.params[name])
