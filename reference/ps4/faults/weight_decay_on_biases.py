# loses: q2.3.step
# says: The update regularises the biases: only W1 and W2 are.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name]
                for name in ('b1', 'b2'):
                    self.params[name] -= learning_rate * reg * self.params[name]
