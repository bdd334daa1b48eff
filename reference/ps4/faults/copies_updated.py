# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: Training changes nothing: the updated parameters must end up in self.params.
# --- replace
        for epoch in range(num_epochs):
# --- by
        params = {name: value.copy() for name, value in self.params.items()}
        for epoch in range(num_epochs):
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    params[name] -= learning_rate * grads[name]
