# loses: q2.3.decay q2.3.batches
# says: Training runs a single epoch whatever num_epochs says.
# --- replace
        for epoch in range(num_epochs):
# --- by
        best_val_acc = -1.0
        for epoch in range(num_epochs):
# --- replace
            val_acc_history.append(val_acc)
# --- by
            val_acc_history.append(val_acc)
            if val_acc > best_val_acc:
                best_val_acc = val_acc
                best_params = {name: value.copy() for name, value in self.params.items()}
# --- replace
        return {
            'loss_history': loss_history,
# --- by
        self.params = best_params
        return {
            'loss_history': loss_history,
