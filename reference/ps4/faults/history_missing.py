# loses: q2.3.histories
# says: loss_history: train
# --- replace
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }
# --- by
