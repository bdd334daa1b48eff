# loses: q2.3.step q2.3.decay q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The update is divided by the batch size: the gradient is an average already, subtract learning_rate times it.
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    self.params[name] -= learning_rate * grads[name] / batch_size
