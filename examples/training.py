"""What the examples' training scripts share: the same results each time, and one way to lower a loss."""

import torch


def repeatable(seed):
    """One thread and deterministic kernels: the same machine gives the same weights."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def minimize(optimizer, peak, steps, loss_at, every=500):
    """Takes `steps` steps, numbered from 1, down the gradient of `loss_at(step)`; the learning rate rises to `peak` and falls (one cycle)."""
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=steps)
    total = 0.0
    for step in range(1, steps + 1):
        loss = loss_at(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % every == 0:
            print(f"step {step}/{steps}: mean loss {total / every:.5f}", flush=True)
            total = 0.0
