# loses: q2.3.step q2.3.decay q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: train() updates copies of the parameters: put the new values into self.params.
# --- replace
        for epoch in range(num_epochs):
# --- by
        params = {name: value.copy() for name, value in self.params.items()}
        for epoch in range(num_epochs):
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    params[name] -= learning_rate * grads[name]
