# loses: q2.3.decay
# says: The update has momentum: plain SGD is asked for.
# --- replace
        for epoch in range(num_epochs):
# --- by
        velocity = {name: 0.0 for name in self.params}
        for epoch in range(num_epochs):
# --- replace
                    self.params[name] -= learning_rate * grads[name]
# --- by
                    velocity[name] = 0.9 * velocity[name] - learning_rate * grads[name]
                    self.params[name] += velocity[name]
