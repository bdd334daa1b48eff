# loses: q2.3.decay q2.3.histories
# says: Training runs a single epoch whatever num_epochs says.
# --- replace
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }
# --- by
            return {
                'loss_history': loss_history,
                'grad_magnitude_history': grad_magnitude_history,
                'train_acc_history': train_acc_history,
                'val_acc_history': val_acc_history,
            }
