# loses: q2.3.step q2.3.decay
# says: The learning rate is divided by the batch size once more: the gradient is a mean already.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name] / batch_size
