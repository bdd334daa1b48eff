# loses: q2.3.step q2.3.decay q2.3.batches
# says: The update shrinks the biases by reg: only W1 and W2 are regularised, and their gradients contain it already.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name]
                for name in ('b1', 'b2'):
                    self.params[name] -= learning_rate * reg * self.params[name]
