# loses: q2.3.histories
# says: train() returns no histories: return a dict with loss_history, grad_magnitude_history, train_acc_history and val_acc_history.
# --- replace
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }
# --- by
